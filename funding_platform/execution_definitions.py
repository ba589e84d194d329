"""The code location of trading that ``workspace.yaml`` names beside the platform's own."""

from funding_platform.defs.execution.assembly import build_execution_definitions

defs = build_execution_definitions()

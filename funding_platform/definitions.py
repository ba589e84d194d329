"""The one entry point that ``workspace.yaml`` names."""

from funding_platform.defs.assembly import build_definitions

defs = build_definitions()

"""What the author of a venue's adapter tests it with, in whatever package it lives.

Each check raises an AssertionError that says what does not hold. The platform's own adapters are
held to the same checks. Rows of recorded answers are for tests of the adapter's own.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.adapter_kit.against_sandbox import check_against_sandbox
    from funding_platform.adapter_kit.hourly import check_hourly
    from funding_platform.adapter_kit.specification import check_specification
    from funding_platform.adapter_kit.spoilt_answers import check_spoilt_answers

__all__ = [
    "check_against_sandbox",
    "check_hourly",
    "check_specification",
    "check_spoilt_answers",
]

__getattr__ = lazy_names(
    __name__,
    {
        "check_against_sandbox": "against_sandbox",
        "check_hourly": "hourly",
        "check_specification": "specification",
        "check_spoilt_answers": "spoilt_answers",
    },
)

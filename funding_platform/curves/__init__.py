"""The funding term structure: eight consecutive 8-hour windows of annualised funding.

Pure computation: frames in, frames out, no I/O and no clock. Names load on first use, so that
importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funding_platform.curves.errors import CurveError
    from funding_platform.curves.factors import curve_factors
    from funding_platform.curves.snapshots import build_curves
    from funding_platform.curves.windows import LOOK_BACK

__all__ = ["LOOK_BACK", "CurveError", "build_curves", "curve_factors"]

_HOMES = {
    "LOOK_BACK": "windows",
    "CurveError": "errors",
    "build_curves": "snapshots",
    "curve_factors": "factors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

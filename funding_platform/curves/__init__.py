"""The funding term structure: eight consecutive 8-hour windows of annualised funding.

Pure computation: frames in, frames out, no I/O and no clock. Names load on first use, so that
importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.curves.errors import CurveError
    from funding_platform.curves.factors import curve_factors
    from funding_platform.curves.feature_store import build_features
    from funding_platform.curves.pca.drivers import driving_strips
    from funding_platform.curves.pca.rolling import RollingPca, rolling_pca
    from funding_platform.curves.snapshots import build_curves
    from funding_platform.curves.windows import LOOK_BACK

__all__ = [
    "LOOK_BACK",
    "CurveError",
    "RollingPca",
    "build_curves",
    "build_features",
    "curve_factors",
    "driving_strips",
    "rolling_pca",
]

__getattr__ = lazy_names(
    __name__,
    {
        "LOOK_BACK": "windows",
        "CurveError": "errors",
        "build_curves": "snapshots",
        "build_features": "feature_store",
        "curve_factors": "factors",
        "driving_strips": "pca.drivers",
        "RollingPca": "pca.rolling",
        "rolling_pca": "pca.rolling",
    },
)

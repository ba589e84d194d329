"""Every computed table, in the order in which they are built: each after what it depends on."""

from typing import Final

from funding_platform.flows.features.curves import CURVES, FACTORS
from funding_platform.flows.features.feature_store import FEATURES
from funding_platform.flows.features.pca import MODELS, SCORES

COMPUTED: Final = (CURVES, FACTORS, MODELS, SCORES, FEATURES)

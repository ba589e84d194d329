"""Components from one model to the next: their signs, their places, and how far they turn."""

import numpy as np
import pytest

from funding_platform.curves import rolling_pca
from funding_platform.curves.pca.alignment import SIGN_TOLERANCE, SIGN_VECTORS, aligned
from funding_platform_tests.curves.pca.strips import Floats, loadings, strips


def test_signs_follow_the_convention_or_the_model_before() -> None:
    models = rolling_pca(strips(days=300)).models.filter(status="fitted")
    before: dict[tuple[object, ...], Floats] = {}
    for model in models.sort("window_end").iter_rows(named=True):
        owner = (model["scope"], model["venue_symbol"])
        vectors = loadings(model)
        lean = np.sum(vectors * SIGN_VECTORS, axis=1)
        for k, value in enumerate(lean):
            if abs(value) >= SIGN_TOLERANCE:
                assert value > 0
            elif owner in before:
                assert vectors[k] @ before[owner][k] >= 0
        before[owner] = vectors


def test_a_component_keeps_its_place_when_another_has_more_variance() -> None:
    level, slope = np.ones(8) / np.sqrt(8), np.linspace(-1, 1, 8)
    slope /= np.linalg.norm(slope)
    bend = np.array([1.0, 0, -1, -1, -1, -1, 0, 1])
    bend -= bend.mean()
    bend /= np.linalg.norm(bend)
    calm, wild = np.stack([level, slope, bend]), np.stack([slope, level, bend])
    found = aligned(np.stack([calm, wild, wild]), np.array([True, False, False]), np.zeros(3, bool))
    assert found.order.tolist() == [[0, 1, 2], [1, 0, 2], [1, 0, 2]]
    np.testing.assert_allclose(found.vectors[2, 0], level)
    np.testing.assert_allclose(found.drift[1:], 0.0, atol=1e-6)
    assert not found.flipped.any()


@pytest.mark.parametrize("degrees", [0.5, 20.0, 44.0])
def test_drift_is_the_angle_turned(degrees: float) -> None:
    axes = np.linalg.qr(np.column_stack([np.ones(8), np.eye(8)[:, :7]]))[0].T
    angle = np.radians(degrees)
    turned = axes[:3].copy()
    turned[0] = np.cos(angle) * axes[0] + np.sin(angle) * axes[5]
    found = aligned(np.stack([axes[:3], -turned]), np.array([True, False]), np.zeros(2, bool))
    np.testing.assert_allclose(found.drift[1], [degrees, 0.0, 0.0], atol=1e-6)
    assert np.isnan(found.drift[0]).all()

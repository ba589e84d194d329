"""How often a property is tried of which one example is costly."""

from hypothesis import HealthCheck, settings

USUAL = 60
"""Examples of a property that costs little, by which ``costly`` counts."""


def costly(examples: int) -> settings:
    """So many examples, in ``--hypothesis-profile thorough`` as many more as others have."""
    return settings(
        max_examples=max(examples * settings().max_examples // USUAL, 1),
        suppress_health_check=[HealthCheck.too_slow],
    )

"""Where a lake is kept, by ``FUNDING_LAKE_PROFILE``: in a folder, or in PostgreSQL and S3.

What belongs here: all that differs between the two. Whoever reads or writes the lake asks
``profile_of`` and knows no difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from funding_platform.lake.profiles.cluster import ClusterProfile
    from funding_platform.lake.profiles.contract import Profile
    from funding_platform.lake.profiles.embedded import EmbeddedProfile
    from funding_platform.settings import Settings


def profile_of(settings: Settings) -> Profile:
    """Return the profile that the settings name; the other one's libraries are not loaded."""
    return kind_of(settings.lake_profile)(settings)


def kind_of(name: str) -> type[ClusterProfile | EmbeddedProfile]:
    """Return the class of the profiles of a name."""
    if name == "cluster":
        from funding_platform.lake.profiles.cluster import ClusterProfile

        return ClusterProfile
    from funding_platform.lake.profiles.embedded import EmbeddedProfile

    return EmbeddedProfile

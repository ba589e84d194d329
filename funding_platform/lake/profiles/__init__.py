"""Where a lake is kept, by ``FUNDING_LAKE_PROFILE``: in a folder, or in PostgreSQL and S3.

What belongs here: all that differs between the two. Whoever reads or writes the lake asks
``profile_of`` and knows no difference.
"""

from funding_platform.lake.profiles.contract import Profile
from funding_platform.settings import Settings


def profile_of(settings: Settings) -> Profile:
    """Return the profile that the settings name; the other one's libraries are not loaded."""
    if settings.lake_profile == "cluster":
        from funding_platform.lake.profiles.cluster import ClusterProfile

        return ClusterProfile(settings)
    from funding_platform.lake.profiles.embedded import EmbeddedProfile

    return EmbeddedProfile(settings)

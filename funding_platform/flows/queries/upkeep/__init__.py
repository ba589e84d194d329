"""Questions about the platform itself: what is missing or old, and which venues trouble it."""

"""Whether a pair may be opened, how large, and its first orders."""

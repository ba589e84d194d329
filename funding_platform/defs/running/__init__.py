"""How runs are started, tried again and forgotten."""

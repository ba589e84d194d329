"""The markets behind the wires: made up from a seed, or replayed from files."""

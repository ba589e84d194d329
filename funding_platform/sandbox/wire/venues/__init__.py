"""A module per venue: how it names and settles contracts, its routes and its limits."""

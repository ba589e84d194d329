"""The assets, by what makes them."""

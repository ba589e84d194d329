"""What is one asset, what is one listing, and what is of one time."""

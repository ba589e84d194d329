"""Order books of the sandbox's markets, one for all that shows or takes from them."""

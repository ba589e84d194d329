"""Trading on paper against the sandbox's market: accounts, and the calls that reach them."""

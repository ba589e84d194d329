"""Real servers on loopback, started for tests and stopped with them."""

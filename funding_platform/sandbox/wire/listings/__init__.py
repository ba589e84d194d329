"""What venues print of the instruments that they list: one row per contract or spot market."""

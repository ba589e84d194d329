"""What venues print of what they list: one row per contract or spot market."""

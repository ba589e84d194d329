"""What has passed: months of settled rates, hours of candles and open interest, and what lacks."""

"""Questions about rates and prices: now, in the past, by statistics, as curves and features."""

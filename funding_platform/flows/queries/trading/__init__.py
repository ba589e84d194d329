"""Questions about trading: opportunities, depth, fees, stored runs, and what a trader did."""

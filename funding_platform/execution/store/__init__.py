"""What execution must not forget: pairs, orders, fills, payments, commands, and a halt."""

"""Rounds of orders until a pair is what its state wants: what follows, made and sent."""

"""Both legs or neither: sizing, pre-flight, opening, closing, reconciliation."""

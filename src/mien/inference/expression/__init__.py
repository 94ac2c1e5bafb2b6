"""Face crops of any size and color to probabilities of expressions."""

"""Data sets: read from their sources, kept as table and pictures, split, examined, batched."""

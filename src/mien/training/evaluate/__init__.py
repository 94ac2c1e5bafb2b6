"""Scores the exported file: figures, curves, and the stamp in its card. Never reaches torch."""

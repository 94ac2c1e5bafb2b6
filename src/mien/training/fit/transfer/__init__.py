"""Weights from elsewhere: read, recognized, unfolded, and taken as far as they fit."""

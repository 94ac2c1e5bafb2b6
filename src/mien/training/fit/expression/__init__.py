"""Expressions of face crops: the first task."""

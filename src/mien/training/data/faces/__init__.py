"""Faces in photos: the second task."""

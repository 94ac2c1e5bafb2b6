"""Faces in a picture: how each is framed, cut out, and how well it can be seen."""

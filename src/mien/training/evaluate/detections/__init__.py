"""How well a detector finds faces: what matches what, and the figures that sum it up."""

"""How long a model takes on this machine, measured so that the figures can be compared."""

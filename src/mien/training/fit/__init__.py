"""A recipe is trained into a run that survives being killed."""

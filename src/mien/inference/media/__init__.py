"""Pictures in and out: read and checked, turned upright, drawn upon."""

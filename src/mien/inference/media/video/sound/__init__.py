"""Sound beside pictures: read from one file, kept in step, and written into another."""

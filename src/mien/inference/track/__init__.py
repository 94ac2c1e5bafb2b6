"""Who is who across frames, and expressions smoothed over time."""

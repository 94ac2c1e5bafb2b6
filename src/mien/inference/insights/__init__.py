"""What a stretch of time shows: episodes, shares, groups."""

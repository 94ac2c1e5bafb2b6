"""The page that `mien watch --report` writes: what a film shows, in one HTML file."""

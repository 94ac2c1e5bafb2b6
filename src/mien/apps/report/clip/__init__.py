"""The page that `mien watch --report` writes: what a video shows, in one HTML file."""

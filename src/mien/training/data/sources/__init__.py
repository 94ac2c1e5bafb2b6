"""One file a format; each gives `Rows`."""

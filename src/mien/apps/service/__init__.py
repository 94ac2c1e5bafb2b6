"""The service: REST, live frames, and a page, for people who put mien online."""

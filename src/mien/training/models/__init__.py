"""Networks: a registry as data, one file an architecture."""

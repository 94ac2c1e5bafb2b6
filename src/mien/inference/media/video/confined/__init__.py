"""Videos of strangers, decoded in a process of their own that can't take more memory or time than it was given."""

"""From a run to the one file that users get."""

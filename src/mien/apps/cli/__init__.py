"""The command line: one verb a module, imported when it is called."""

"""Video in and out: frames of files and cameras with their true times, and annotated video written."""

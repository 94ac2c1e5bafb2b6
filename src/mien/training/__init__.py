"""OFFLINE: from a data set to a scored model file. Imported on demand; only parts of it need torch."""

"""The doors: thin ways in, without logic that the layers below could hold."""

"""The words: values and errors that everything else speaks in."""

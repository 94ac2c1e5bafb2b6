"""The bundled model files; see `mien.inference.runtime.bundled` for their names."""

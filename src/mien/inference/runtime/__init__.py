"""Model files: found by name or path, their cards checked, run by ONNX Runtime."""

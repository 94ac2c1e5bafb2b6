"""Run time: pictures in, expressions out; numpy, Pillow and ONNX Runtime, never torch."""

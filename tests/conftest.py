"""What all rooms share lies in modules of its own, one a kind of file."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each processor: with more threads they would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["detector_files", "face_photos", "face_sets", "model_files", "video_files"]

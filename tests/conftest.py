"""What all rooms share lies in modules of its own, one a kind of file."""

pytest_plugins = ["detector_files", "face_photos", "face_sets", "model_files", "video_files"]

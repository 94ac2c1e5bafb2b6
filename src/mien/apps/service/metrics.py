"""What the service counts and measures, for Prometheus.

With several workers each writes its values into files of one folder (`PROMETHEUS_MULTIPROC_DIR`, which `mien serve`
sets), and whichever is asked adds them up.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from mien.apps.service.engine import Reading

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that prometheus-client reads when it is imported."""

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_FACES: Final = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """One app's counters; no picture, no name of a file and no address is among them."""

    def __init__(self) -> None:
        """Begin at zero, in a registry of its own, so that several apps can live in one process."""
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "mien_requests", "Requests that were answered.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "mien_request_seconds", "From a request to its last byte.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.pictures = Counter("mien_pictures", "Pictures by how they ended.", ["outcome"], registry=registry)
        self.faces = Counter("mien_faces", "Faces that were read.", registry=registry)
        self.batches = Histogram(
            "mien_batch_faces", "Faces that were classified together.", buckets=_FACES, registry=registry
        )
        self.waited = Histogram(
            "mien_picture_waiting_seconds",
            "From when a picture was accepted to when a thread was free for it.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.reading = Histogram(
            "mien_picture_reading_seconds",
            "From then until it was decoded, its faces found and classified.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "mien_waiting_pictures",
            "Pictures that are accepted and not answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.live = Gauge("mien_live_connections", "Live connections.", multiprocess_mode="livesum", registry=registry)
        self.frames = Counter("mien_live_frames", "Live frames by how they ended.", ["outcome"], registry=registry)

    def count_pictures(self, faces_by_picture: list[int | None]) -> None:
        """Count what was read.

        Args:
            faces_by_picture: Of each picture its faces, or None where it couldn't be read.
        """
        for faces in faces_by_picture:
            self.pictures.labels("unreadable" if faces is None else "read").inc()
            self.faces.inc(faces or 0)

    def observe_reading(self, reading: Reading) -> None:
        """Count how long a picture waited, and how long it took.

        Args:
            reading: What the engine tells of it.
        """
        self.waited.observe(reading.waited_s)
        self.reading.observe(reading.took_s)

    def write(self) -> bytes:
        """Return all values in Prometheus' text form, those of the other workers among them."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def close(self) -> None:
        """Take this process's gauges out of the sum."""
        if FOLDER in os.environ:
            mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]

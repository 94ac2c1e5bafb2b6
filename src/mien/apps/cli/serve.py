"""`mien serve`: the flags; what they set in motion is loaded when it is needed, as it takes the extra "serve"."""

from __future__ import annotations

from pathlib import Path

from mien.inference.expression.model import LabelSet


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    model: str | None = None,
    labels: LabelSet | None = None,
    detector: str | None = None,
    token_file: Path | None = None,
) -> int:
    """Put the models online: a REST API, live frames, and a page that shows them.

    Only this machine can reach it unless a host is named, and then a token is needed: set MIEN_TOKEN, or name a file
    that holds it. Every flag, and every limit beside them, can be set by a variable of the environment: MIEN_PORT,
    MIEN_MAX_FILES and so on. Nothing of a picture is stored or logged.

    Args:
        host: Address to listen on; 127.0.0.1 unless named. 0.0.0.0 means every address of this machine.
        port: 8000 unless named; 0 takes any free one.
        workers: Processes, each with its own models and its own limits; 1 unless named.
        model: A model's name, or path of a model file.
        labels: What a model with two heads is asked for: fer2013, the labels it was trained on, or votes, what people
            voted on such pictures.
        detector: Name of a model that finds faces, or path of one that `mien train faces` made.
        token_file: File that holds the token which clients have to send. There is no flag for the token itself: other
            people on this machine could read it.
    """
    from mien.apps.cli.serving import run_service

    return run_service(
        {
            "host": host,
            "port": port,
            "workers": workers,
            "model": model,
            "labels": labels,
            "detector": detector,
            "token_file": token_file,
        }
    )

"""`mien bench`: how fast a model is on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any, Final

import numpy as np
from cyclopts import Parameter
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.apps.cli.demo import draw_sheet, read_mean_faces
from mien.core.card import FacesCard, ModelCard
from mien.core.errors import InputError
from mien.inference.expression.classifier import BATCH_SIZE
from mien.inference.media.pictures import RGB
from mien.inference.runtime.bundled import DEFAULT_MODEL, read_model
from mien.inference.timing.machine import Machine, describe_machine, read_peak_memory_mib
from mien.inference.timing.models import SECONDS, Timing, time_classifier, time_detector

PICTURE_SIZES: Final = ((640, 480), (1280, 720))
"""Width and height of what detectors are shown."""


def bench(
    model: str = DEFAULT_MODEL,
    /,
    *,
    threads: int | None = None,
    batch_size: int | None = None,
    seconds: float = SECONDS,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Measure how fast a model is on this machine: milliseconds a face, faces a second, memory.

    A model of expressions is shown one face, and batches of them; a detector is shown the demo's seven faces on
    pictures of 640x480 and 1280x720. The time is from pixels in memory to the answer, on the CPU.

    Args:
        model: A model's name ("faces" is the bundled detector), or path of a model file.
        threads: Processor threads for one call; by default both one and what the machine has, at most 4, are measured.
        batch_size: Faces in a batch; 64 unless named. Detectors take one picture at a time.
        seconds: How long to measure, about; longer gives steadier figures. Slow networks take longer in any case.
        as_json: Print everything as JSON.
    """
    path, data, card = read_model(model)
    numbers = (1, None) if threads is None else (threads,)
    if isinstance(card, FacesCard):
        if batch_size is not None:
            raise InputError(
                f"{card.name!r} is a detector, which takes one picture at a time, got --batch-size {batch_size}. "
                "Leave it out."
            )
        pictures = [draw_picture(*size) for size in PICTURE_SIZES]
        timings = time_detector(model, pictures, threads=numbers, seconds=seconds)
    else:
        size = BATCH_SIZE if batch_size is None else batch_size
        timings = time_classifier(model, threads=numbers, batch_size=size, seconds=seconds)
    memory_mib, machine = read_peak_memory_mib(), describe_machine()
    if as_json:
        about = {"name": card.name, "task": card.task, "path": str(path), "bytes": len(data)}
        rows = [{**asdict(timing), "per_second": timing.per_second} for timing in timings]
        print(_to_json({"model": about, "machine": asdict(machine), "timings": rows, "peak_memory_mib": memory_mib}))
        return
    console = Console(highlight=False)
    file = Text(f"{path} ({len(data) / 1e6:.2f} MB)", style="dim")
    console.print(Text(card.name, style="bold"), file, soft_wrap=True)
    console.print(_tabulate(card, timings))
    console.print(Text(_describe(machine)), soft_wrap=True)
    console.print(Text(_describe_memory(memory_mib, timings)), soft_wrap=True)


def draw_picture(width: int, height: int) -> RGB:
    """Return the demo's sheet of seven faces, scaled to fit and with paper around it.

    Args:
        width: Pixels.
        height: Pixels.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    sheet, _ = draw_sheet(read_mean_faces())
    red, green, blue = (int(value) for value in sheet[0, 0])
    return np.asarray(ImageOps.pad(Image.fromarray(sheet), (width, height), color=(red, green, blue))).copy()


def _tabulate(card: ModelCard, timings: list[Timing]) -> Table:
    table = Table(header_style="bold")
    table.add_column("shown in a call")
    rate = "pictures/s" if isinstance(card, FacesCard) else "faces/s"
    for name in ("threads", "p50", "p95", rate, "calls"):
        table.add_column(name, justify="right")
    previous = timings[0].threads
    for timing in timings:
        if timing.threads != previous:
            table.add_section()
        previous = timing.threads
        table.add_row(
            timing.shown,
            str(timing.threads),
            f"{timing.p50_ms:.2f} ms",
            f"{timing.p95_ms:.2f} ms",
            f"{timing.per_second:,.0f}",
            f"{timing.calls:,}",
        )
    return table


def _describe(machine: Machine) -> str:
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    return f"{machine.processor}, {cores}, {machine.system} · ONNX Runtime {machine.onnxruntime} · mien {machine.mien}"


def _describe_memory(memory_mib: float | None, timings: list[Timing]) -> str:
    if memory_mib is None:
        return "Memory: this system doesn't tell."
    numbers = sorted({timing.threads for timing in timings})
    times = "" if len(numbers) == 1 else f", the model open {len(numbers)} times"
    return f"Memory: {memory_mib:,.0f} MiB at the peak (resident): this whole process, with Python and libraries{times}"


def _to_json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2, allow_nan=False)

"""`mien export`: from a finished run to one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mien.core.errors import InputError

if TYPE_CHECKING:
    from mien.training.export.artefact import Weights
    from mien.training.fit.run import Run


def export(
    run: Path,
    /,
    *,
    out: Path,
    name: str | None = None,
    license: str | None = None,
    weights: Literal["float16", "float32"] | None = None,
) -> None:
    """Write a trained network to one self-contained model file.

    Args:
        run: The folder of a finished run.
        out: The .onnx file to write. One that is there is replaced.
        name: Name in the model card; the recipe's if not given.
        license: Terms of the weights, for the model card; "as the training data's terms allow" if not given.
        weights: How an expression model stores its weights: in float16 (if not given) they take half the bytes. It
            computes in float32 either way. Detectors keep float32.
    """
    from mien.training.export.place import check_place
    from mien.training.fit.run import Run

    trained = Run(run)
    is_detector = trained.is_started and trained.recipe().task == "faces"
    trained.threshold() if is_detector else trained.calibration()  # what can't be exported is refused before torch
    check_place(out)
    if is_detector and weights == "float16":
        raise InputError("--weights float16 is for expression models; detectors keep float32. Leave it away.")
    is_replaced = out.exists()
    described = (
        _export_detector(trained, out, name, license)
        if is_detector
        else _export_classifier(trained, out, name, license, weights or "float16")
    )
    print(f"{out}: {described}, {out.stat().st_size / 2**20:.1f} MiB")
    if is_replaced:
        print("It replaced the file that was there.")


def _export_classifier(run: Run, out: Path, name: str | None, license: str | None, weights: Weights) -> str:
    from mien.training.export.artefact import LICENSE, export_run

    card = export_run(run, out, name=name, license=license or LICENSE, weights=weights)
    return f"{card.name}, {card.parameters:,} parameters, temperature {card.temperature:.3f}"


def _export_detector(run: Run, out: Path, name: str | None, license: str | None) -> str:
    from mien.training.export.artefact import LICENSE
    from mien.training.export.detector import export_detector

    card = export_detector(run, out, name=name, license=license or LICENSE)
    return f"{card.name}, {card.parameters:,} parameters, faces from score {card.min_score:.2f}"

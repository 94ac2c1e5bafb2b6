"""`mien export`: from a finished run to one self-contained file."""

from __future__ import annotations

from pathlib import Path


def export(run: Path, /, *, out: Path, name: str | None = None, license: str | None = None) -> None:
    """Write a trained network to one self-contained model file.

    Args:
        run: The folder of a finished run.
        out: The .onnx file to write.
        name: Name in the model card; the recipe's if not given.
        license: Terms of the weights, for the model card; "as the training data's terms allow" if not given.
    """
    from mien.training.fit.run import Run

    Run(run).calibration()  # an unfinished run is refused before torch is loaded
    from mien.training.export.artefact import LICENSE, export_run

    card = export_run(Run(run), out, name=name, license=license or LICENSE)
    size = out.stat().st_size / 2**20
    print(f"{out}: {card.name}, {card.parameters:,} parameters, {size:.1f} MiB, temperature {card.temperature:.3f}")

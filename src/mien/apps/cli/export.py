"""`mien export`: from a finished run, or from several models, to one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from mien.core.errors import InputError

if TYPE_CHECKING:
    from mien.training.export.artefact import Weights
    from mien.training.fit.run import Run


def export(
    run: Path | None = None,
    /,
    *,
    out: Path,
    name: str | None = None,
    license: str | None = None,
    weights: Literal["float16", "float32"] | None = None,
    ensemble: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = (),
    data: Path | None = None,
) -> None:
    """Write a trained network, or several models as one, to one self-contained model file.

    Args:
        run: The folder of a finished run.
        out: The .onnx file to write. One that is there is replaced.
        name: Name in the model card; the recipe's if not given.
        license: Terms of the weights, for the model card; "as the training data's terms allow", or those of the
            ensemble's models, if not given.
        weights: How an expression model stores its weights: in float16 (if not given) they take half the bytes. It
            computes in float32 either way. Detectors keep float32.
        ensemble: In place of a run: expression models, by path or name, whose answers the file shall average.
        data: Of an ensemble: the imported data that its models were trained on. Its confidence is fitted on the
            validation part.
    """
    _check_request(run, ensemble, data, weights)
    is_replaced = out.exists()
    if run is None:
        described = _export_ensemble(ensemble, data, out, name, license)
    else:
        described = _export_run(run, out, name, license, weights)
    print(f"{out}: {described}, {out.stat().st_size / 2**20:.1f} MiB")
    if is_replaced:
        print("It replaced the file that was there.")


def _check_request(run: Path | None, ensemble: tuple[str, ...], data: Path | None, weights: Weights | None) -> None:
    """Refuse what is said too much or too little."""
    if run is None and not ensemble:
        raise InputError("there is nothing to export: name the folder of a finished run, or --ensemble A.onnx B.onnx.")
    if run is not None and ensemble:
        raise InputError(
            f"a run is exported, or models are averaged, got both {run} and --ensemble {' '.join(ensemble)}. Export "
            f"the run first (mien export {run} --out MODEL.onnx), and name that file with the others."
        )
    if run is not None and data is not None:
        raise InputError("--data is for --ensemble; a run has its calibration already. Leave it away.")
    if ensemble and data is None:
        raise InputError("--ensemble needs --data: the import that the models were trained on.")
    if ensemble and weights is not None:
        raise InputError(f"--weights {weights} is for a run; models of an ensemble stay as they are. Leave it away.")


def _export_run(folder: Path, out: Path, name: str | None, license: str | None, weights: Weights | None) -> str:
    from mien.training.export.place import check_place
    from mien.training.fit.run import Run

    trained = Run(folder)
    is_detector = trained.is_started and trained.recipe().task == "faces"
    trained.threshold() if is_detector else trained.calibration()  # what can't be exported is refused before torch
    check_place(out)
    if is_detector and weights == "float16":
        raise InputError("--weights float16 is for expression models; detectors keep float32. Leave it away.")
    if is_detector:
        return _export_detector(trained, out, name, license)
    return _export_classifier(trained, out, name, license, weights or "float16")


def _export_classifier(run: Run, out: Path, name: str | None, license: str | None, weights: Weights) -> str:
    from mien.training.export.artefact import LICENSE, export_run

    card = export_run(run, out, name=name, license=license or LICENSE, weights=weights)
    return f"{card.name}, {card.parameters:,} parameters, temperature {card.temperature:.3f}"


def _export_detector(run: Run, out: Path, name: str | None, license: str | None) -> str:
    from mien.training.export.artefact import LICENSE
    from mien.training.export.detector import export_detector

    card = export_detector(run, out, name=name, license=license or LICENSE)
    return f"{card.name}, {card.parameters:,} parameters, faces from score {card.min_score:.2f}"


def _export_ensemble(
    sources: tuple[str, ...], data: Path | None, out: Path, name: str | None, license: str | None
) -> str:
    from mien.training.export.members import read_members
    from mien.training.export.place import check_place

    assert data is not None
    check_place(out)
    members = read_members(sources)
    from mien.training.export.ensemble import NAME, export_ensemble

    card = export_ensemble(members, data, out, name=name or NAME, license=license)
    if not card.has_votes and any(member.card.has_votes for member in members):
        lacking = ", ".join(member.source for member in members if not member.card.has_votes)
        print(f"note: the head for votes is left out, since there is none in {lacking}.")
    return f"{card.name}, {len(members)} models, {card.parameters:,} parameters, temperature {card.temperature:.3f}"

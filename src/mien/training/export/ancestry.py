"""Whose weights a run began with or whose answers it imitated, and on which data those were trained.

That is told in the card, and read from it again.

The card has no field for it: it stands in a sentence among the terms of the data, which whoever uses the weights has to
know anyway, and which every reader of cards shows. Weights that themselves began with others are followed back as far
as their files are still there.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from mien.core.card import Sha256
from mien.core.errors import MienError, RunError
from mien.inference.runtime.bundled import list_models, read_model
from mien.training.fit.expression.taught import read_taught
from mien.training.fit.run import Run

_SENTENCE = re.compile(
    r"(?:Began with weights|Taught by the answers of weights) of sha256 (?P<weights>[0-9a-f]{64}), trained on "
    r"(?:data unknown\.|(?P<data>.+?)(?: \(sha256 (?P<data_sha256>[0-9a-f]{64})\))?: )"
)


@dataclass(frozen=True)
class Ancestor:
    """Weights that a run began with or learned from, or that those did.

    Attributes:
        sha256: Hash of the file they were read from.
        data: Name of the data set they were trained on; None if nobody knows.
        data_sha256: Hash of its import; None if nobody knows.
    """

    sha256: str
    data: str | None
    data_sha256: str | None


class _Note(BaseModel):
    """What is needed here of a run's `init.json`."""

    source: str
    sha256: Sha256
    trained_on: tuple[str, str] | None = None


def describe_ancestry(run: Run) -> str:
    """Say whose weights a run began with, on which data those were trained, and on which terms.

    Returns:
        Sentences for the card, nearest weights first; empty if the run began with weights drawn from its seed.

    Raises:
        RunError: If the run's note of it is broken.
    """
    return _describe(run, frozenset())


def describe_teachers(run: Run) -> str:
    """Say whose answers a run imitated, on which data those were trained, and on which terms.

    Returns:
        Sentences for the card; empty if nobody taught it.

    Raises:
        RunError: If the run's note of it is broken.
    """
    taught = read_taught(run)
    sentences = (
        f"Taught by the answers of weights of sha256 {teacher.sha256}, trained on {teacher.trained_on[0]} "
        f"(sha256 {teacher.data_sha256}): {teacher.trained_on[1]}"
        for teacher in (taught.teachers if taught else ())
    )
    return " ".join(sentences)


def list_ancestors(terms: str) -> tuple[Ancestor, ...]:
    """Read what `describe_ancestry` and `describe_teachers` wrote among the terms; the nearest weights come first."""
    return tuple(Ancestor(found["weights"], found["data"], found["data_sha256"]) for found in _SENTENCE.finditer(terms))


def _describe(run: Run, told: frozenset[str]) -> str:
    """Say the same, without the weights that were told of already: notes may name each other in a circle."""
    note = _read_note(run)
    if note is None or note.sha256 in told:
        return ""
    origin = f"Began with weights of sha256 {note.sha256}"
    if note.trained_on is None:
        return f"{origin}, trained on data unknown."
    name, terms = note.trained_on
    data_sha256, earlier = _look_up(note, told)
    named = name if data_sha256 is None else f"{name} (sha256 {data_sha256})"
    return f"{origin}, trained on {named}: {terms} {earlier}".strip()


def _read_note(run: Run) -> _Note | None:
    try:
        return _Note.model_validate_json(run.init_path.read_bytes()) if run.init_path.exists() else None
    except (OSError, ValueError) as error:
        raise RunError(f"{run.init_path} can't be read: {str(error).splitlines()[0]}.") from None


def _look_up(note: _Note, told: frozenset[str]) -> tuple[str | None, str]:
    """Return the hash of the data that weights were trained on, and what they themselves began with.

    Both come from the place that the weights were read from, if the same file is still there. A model file's card says
    among its terms what it began with, and these are in the note already.
    """
    source = Path(note.source)
    try:
        if note.source in list_models() or source.suffix.lower() == ".onnx":
            model = read_model(note.source)
            is_same = hashlib.sha256(model.data).hexdigest() == note.sha256
            return (model.card.data.sha256 if is_same else None), ""
        run = Run(source if source.is_dir() else source.parent)
        file = run.best_path if source.is_dir() else source
        if hashlib.sha256(file.read_bytes()).hexdigest() != note.sha256:
            return None, ""
        return run.trained_on().sha256, _describe(run, told | {note.sha256})
    except (MienError, OSError):
        return None, ""

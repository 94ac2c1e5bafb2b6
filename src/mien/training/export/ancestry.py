"""Whose weights a run began with or averages, or whose answers it imitated, and on which data those were trained.

That is told in the card, and read from it again.

The card has no field for it: it stands in a sentence among the terms of the data, which whoever uses the weights has to
know anyway, and which every reader of cards shows. Weights that themselves began with others are followed back as far
as their files are still there. An ensemble's card tells all that its members' cards tell, each sentence once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mien.core.card import TrainingData
from mien.core.errors import MienError
from mien.inference.runtime.bundled import list_models, read_model
from mien.training.fit.expression.taught import Teacher, read_taught
from mien.training.fit.origins import Averaged, Beginning, read_averaged, read_beginning
from mien.training.fit.run import Run

_SENTENCE = re.compile(
    r"(?P<tie>Began with|Averaged with|Taught by the answers of) weights of sha256 "
    r"(?P<weights>[0-9a-f]{64}), trained on "
    r"(?:data unknown\.|(?P<data>.+?)(?: \(sha256 (?P<data_sha256>[0-9a-f]{64})\))?: )"
)

_AVERAGES = "Averages the answers of models of sha256"
_MEAN = "Mean of the weights of sha256"
_BEGINNING = re.compile(rf"{_SENTENCE.pattern}|{_AVERAGES} |{_MEAN} ")
"""Where a sentence of ours begins among the terms."""

_TIES = {
    "Began with": "began with",
    "Averaged with": "is the mean of several, among them",
    "Taught by the answers of": "learned from the answers of",
}


@dataclass(frozen=True)
class Ancestor:
    """Weights that a run began with or learned from, or averages though they saw other data, or that those did.

    Attributes:
        tie: What the model has to do with them, such as "began with".
        sha256: Hash of the file they were read from.
        data: Name of the data set they were trained on; None if nobody knows.
        data_sha256: Hash of its import; None if nobody knows.
    """

    tie: str
    sha256: str
    data: str | None
    data_sha256: str | None


def describe_terms(run: Run) -> str:
    """Say the terms of a run's data, and whose weights it has or learned from: each sentence and all terms once.

    Raises:
        RunError: If a note of the run is broken.
    """
    data = run.trained_on()
    parts = [data.license, describe_ancestry(run), describe_teachers(run)]
    own, sentences = _split(" ".join(part for part in parts if part))
    return " ".join(filter(None, [own, *_tell_once(sentences, {(data.name, own)})]))


def _tell_once(sentences: Sequence[str], told: set[tuple[str, str]]) -> list[str]:
    """Leave out sentences that were there before, and terms of data that were told before.

    Args:
        sentences: Of ours, whole or shortened already.
        told: Name and terms of the data whose terms stand before them.
    """
    said: dict[str, str] = {}  # by whose weights they are
    told = set(told)
    for sentence in sentences:
        start = _SENTENCE.match(sentence)
        if start is None or start["data"] is None:
            said[sentence] = sentence
            continue
        whose, data, terms = start.group(), start["data"], sentence[start.end() :]
        as_above = f"terms of {data} as above."
        if (data, terms) in told or terms == as_above:
            said.setdefault(whose, f"{whose}{as_above}")
        else:
            said[f"{whose}{terms}" if whose in said else whose] = sentence
        told.add((data, terms))
    return list(said.values())


def describe_ancestry(run: Run) -> str:
    """Say whose weights a run began with or averages, on which data those were trained, and on which terms.

    Returns:
        Sentences for the card, nearest weights first; empty if the run began with weights drawn from its seed.

    Raises:
        RunError: If the run's note of it is broken.
    """
    return _describe(run, frozenset())


def describe_teachers(run: Run) -> str:
    """Say whose answers a run imitated, on which data those were trained, and on which terms.

    Returns:
        Sentences for the card, each teacher once; of a mean, those of all its runs. Empty if nobody taught it.

    Raises:
        RunError: If the run's note of it is broken.
    """
    sentences = dict.fromkeys(
        f"Taught by the answers of weights of sha256 {teacher.sha256}, trained on {teacher.trained_on[0]} "
        f"(sha256 {teacher.data_sha256}): {teacher.trained_on[1]}"
        for teacher in _list_teachers(run)
    )
    return " ".join(sentences)


def _list_teachers(run: Run) -> list[Teacher]:
    averaged, taught = read_averaged(run), read_taught(run)
    if averaged is not None:
        return [teacher for source in averaged.sources for teacher in source.teachers]
    return list(taught.teachers) if taught else []


def describe_average(members: Sequence[str], data: Sequence[TrainingData]) -> str:
    """Say which models an ensemble averages, on which terms, and all that their cards say of whose weights they have.

    Args:
        members: SHA-256 of each model's file.
        data: What the card of each says of its data: the same import for all.

    Returns:
        The terms of the data, then sentences for the card. What several cards say stands there once.
    """
    parts = [_split(each.license) for each in data]
    terms = dict.fromkeys(own for own, _ in parts if own)
    known = {(each.name, own) for each, (own, _) in zip(data, parts, strict=True)}
    sentences = _tell_once([sentence for _, told in parts for sentence in told], known)
    average = f"{_AVERAGES} {', '.join(members)}, trained on {data[0].name} (sha256 {data[0].sha256})."
    return " ".join([*terms, average, *sentences])


def _split(terms: str) -> tuple[str, list[str]]:
    """Return the terms of a model's own data, and the sentences of ours behind them."""
    cuts = [0, *(found.start() for found in _BEGINNING.finditer(terms)), len(terms)]
    own, *sentences = (terms[start:end].strip() for start, end in pairwise(cuts))
    return own, sentences


def list_ancestors(terms: str) -> tuple[Ancestor, ...]:
    """Read what `describe_ancestry` and `describe_teachers` wrote among the terms; the nearest weights come first.

    The models that an ensemble averages are no ancestors: they are what it is, and have seen its data and no others. Of
    the runs that a mean averages, those are ancestors that have seen others.
    """
    first = _BEGINNING.search(terms)
    made = first.group() if first else ""
    return tuple(
        Ancestor(_tell_tie(made, found["tie"]), found["weights"], found["data"], found["data_sha256"])
        for found in _SENTENCE.finditer(terms)
    )


def _tell_tie(made: str, tie: str) -> str:
    """Say what a model has to do with weights, by how the first of our sentences says that the model was made."""
    if made.startswith(_AVERAGES):
        return f"averages models, at least one of which {_TIES[tie]}"
    is_averaged = tie == "Averaged with"
    if made.startswith(_MEAN):
        return _TIES[tie] if is_averaged else f"is the mean of runs, at least one of which {_TIES[tie]}"
    return f"began with what {_TIES[tie]}" if is_averaged else _TIES[tie]


def _describe(run: Run, told: frozenset[str]) -> str:
    """Say the same, without the weights that were told of already: notes may name each other in a circle."""
    averaged = read_averaged(run)
    if averaged is not None:
        return _describe_mean(averaged, run.trained_on().sha256, told)
    return _describe_beginning(read_beginning(run), told)


def _describe_mean(averaged: Averaged, data_sha256: str, told: frozenset[str]) -> str:
    """Say whose weights were averaged, which of them saw other data than the mean names, and what they began with.

    The terms of those other data stand among the terms of the mean's own, where they stay if a run begins with it.
    """
    sources = averaged.sources
    told |= {source.sha256 for source in sources}
    sentences = [f"{_MEAN} {' and '.join(f'{source.sha256} ({source.share:.3g})' for source in sources)}."]
    for source in sources:
        if source.data_sha256 != data_sha256:
            data = f"{source.trained_on[0]} (sha256 {source.data_sha256})"
            sentences.append(f"Averaged with weights of sha256 {source.sha256}, trained on {data}: terms as above.")
    for source in sources:
        sentences += _split(_describe_beginning(source.began, told))[1]
    return " ".join(dict.fromkeys(sentences))


def _describe_beginning(note: Beginning | None, told: frozenset[str]) -> str:
    """Say which weights were begun with, and what these began with."""
    if note is None or note.sha256 in told:
        return ""
    origin = f"Began with weights of sha256 {note.sha256}"
    if note.trained_on is None:
        return f"{origin}, trained on data unknown."
    name, terms = note.trained_on
    data_sha256, earlier = _look_up(note, told)
    named = name if data_sha256 is None else f"{name} (sha256 {data_sha256})"
    return f"{origin}, trained on {named}: {terms} {earlier}".strip()


def _look_up(note: Beginning, told: frozenset[str]) -> tuple[str | None, str]:
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

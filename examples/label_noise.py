"""How much of what a model reads wrongly is the label's fault? Ask the ten people who labeled FER2013 again (FER+).

For each of FER2013's labels: how many pictures the model reads as labeled; how many most voters read as labeled; how
many of those the model does; and, where model and label differ, on whose side most voters are: the label's, the
model's, or neither's. A miss on which the voters side with the model says more about the label than about the model.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/label_noise.py fer2013               # or: ... fer2013 mine.onnx

Pictures without votes for one of the seven, or with none that leads, are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cyclopts import run
from numpy.typing import NDArray

from mien.apps.report.caution import print_cautions
from mien.core.errors import DataError
from mien.training.data.table import Split
from mien.training.evaluate.score import score_model
from mien.training.evaluate.votes import read_counts

HEADER = (
    "| label | pictures | model reads it so | voters read it so | model, where voters do "
    "| misses | voters: label | voters: model | voters: neither | most often read as |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
)


def main(data: Path, model: str = "expression", /, *, split: Split = "validation") -> None:
    """Print a Markdown table.

    Args:
        data: What `mien data import` wrote, with votes.
        model: A bundled name, or a file.
        split: Which part of the data; test is for the final report alone.
    """
    scoring = score_model(model, data, split)
    print_cautions(scoring.card.data, scoring.dataset.manifest)
    counts = read_counts(scoring.dataset, scoring.rows)
    if counts is None:
        raise DataError(f"{data} has no votes for the seven expressions. Import FER2013 with --votes fer2013new.csv.")
    first_two = np.sort(counts, axis=1)[:, -2:]
    leads = first_two[:, 1] > first_two[:, 0]
    labels, answers, voted = scoring.labels[leads], scoring.predicted[leads], counts[leads].argmax(axis=1)
    print(HEADER)
    for number, name in enumerate(scoring.dataset.labels):
        print(_line(name, labels == number, labels, answers, voted, scoring.dataset.labels))
    print(_line("all", np.ones(len(labels), np.bool_), labels, answers, voted, scoring.dataset.labels))


def _line(
    name: str,
    chosen: NDArray[np.bool_],
    labels: NDArray[np.int64],
    answers: NDArray[np.int64],
    voted: NDArray[np.intp],
    names: tuple[str, ...],
) -> str:
    """Return a row of the table, for the pictures that are chosen; all arrays are (N,)."""
    labels, answers, voted = labels[chosen], answers[chosen], voted[chosen]
    is_read, is_voted, is_missed = answers == labels, voted == labels, answers != labels
    sides = voted[is_missed] == labels[is_missed], voted[is_missed] == answers[is_missed]
    confused = np.bincount(answers[is_missed], minlength=len(names)).argmax()
    cells = [
        name,
        str(len(labels)),
        *(_percent(flags) for flags in (is_read, is_voted, is_read[is_voted])),
        str(is_missed.sum()),
        *(_percent(flags) for flags in (*sides, ~(sides[0] | sides[1]))),
        names[confused] if is_missed.any() else "",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(flags: NDArray[np.bool_]) -> str:
    return f"{flags.mean():.1%}" if len(flags) else "-"


if __name__ == "__main__":
    run(main)

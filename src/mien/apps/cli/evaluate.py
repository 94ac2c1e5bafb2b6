"""`mien evaluate`: score an exported file on one part of a data set, and write the report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from mien.apps.report.caution import warn
from mien.core.atomic import check_shared_folder
from mien.core.card import ExpressionCard, FacesCard
from mien.core.errors import InputError, MissingExtraError, RunError
from mien.inference.runtime.bundled import find_model, read_model_file
from mien.inference.runtime.envelope import read_card
from mien.training.data.table import Split, open_dataset
from mien.training.evaluate.score import Scores, Scoring, check_labels, score_model
from mien.training.evaluate.stamp import check_stampable, stamp_card
from mien.training.evaluate.views import Views
from mien.training.fit.history import EpochRecord
from mien.training.fit.run import Run

REPORT_PACKAGES = ("matplotlib", "jinja2", "sklearn")


def evaluate(
    model: str,
    /,
    *,
    data: Path,
    split: Split = "validation",
    run: Path | None = None,
    out: Path | None = None,
    views: Views = "one",
    stamp: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Score an exported model on one part of a data set.

    Prints the main figures, and writes metrics.json, report.html and figures/*.png; of a detector metrics.json alone.
    Files of an earlier report in the same folder are replaced.

    Args:
        model: A file that `mien export` wrote, or a model's name, such as expression.
        data: A folder that `mien data import` made.
        split: The part to score. Everything is chosen on validation; test is for the end.
        run: The folder of the model's training run; adds its curves to the report.
        out: Folder for the report. Default: evaluation-SPLIT in the current folder.
        views: How often each picture is looked at: one as it is, as for users; mirrored, twice; ten-crop, ten times.
            The answers are averaged. More than one is for comparison with papers, and is never stamped.
        stamp: Write the figures into the model's card as well.

    Raises:
        ModelError: If the file is no model of ours.
        DataError: If the data set can't be used, or has other labels than the model.
        RunError: If the run has no history, or is another recipe's.
        InputError: If a file can't be written.
        MissingExtraError: Without the extra "report".
    """
    if stamp and views != "one":
        raise InputError(
            f"--stamp is for figures of one look, as users get them; --views {views} has more. Leave one out."
        )
    out = out or Path(f"evaluation-{split}" if views == "one" else f"evaluation-{split}-{views}")
    if isinstance(read_card(read_model_file(find_model(model))), FacesCard):
        from mien.apps.cli.evaluate_faces import evaluate_faces

        if views != "one":
            raise InputError(f"--views {views} is for expression models; a detector looks once. Leave it away.")
        command = compose_command(model, data=data, split=split, run=None, out=out, stamp=stamp)
        evaluate_faces(model, data, split, out, command, stamp=stamp)
        return
    _require_report()
    from mien.apps.report.folder import write_report

    check_shared_folder(out)
    card = _check_request(model, data, split, is_stamped=stamp)
    history, best = _read_run(run, card) if run else ([], None)
    console = Console()
    command = compose_command(model, data=data, split=split, run=run, out=out, stamp=stamp, views=views)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"scoring {split}")
        scoring = score_model(
            model,
            data,
            split,
            views=views,
            command=command,
            on_progress=lambda done, total: _show_progress(progress, task, split, done, total),
        )
    if stamp:
        scoring = replace(scoring, scores=stamp_card(find_model(model), scoring.scores))
    write_report(out, scoring, history, best)
    console.print(_tabulate_figures(scoring.scores))
    console.print(_tabulate_labels(scoring.scores))
    for note in _list_notes(scoring, out, is_stamped=stamp):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _show_progress(progress: Progress, task: TaskID, split: Split, done: int, total: int) -> None:
    """Move the bar; what follows the last picture has no known length, and so a bar of its own."""
    progress.update(task, completed=done, total=total)
    if done == total and split != "train":
        progress.add_task("looking for near twins in train", total=None)


def compose_command(
    model: str, *, data: Path, split: Split, run: Path | None, out: Path, stamp: bool, views: Views = "one"
) -> str:
    """Return the line that makes the same figures again, every choice spelled out."""
    words = ["mien", "evaluate", model, "--data", str(data), "--split", split]
    words += ["--run", str(run)] if run else []
    words += ["--out", str(out)]
    words += ["--views", views] if views != "one" else []
    return shlex.join(words + (["--stamp"] if stamp else []))


def _require_report() -> None:
    """Say which pip line helps before anything costly."""
    for package in REPORT_PACKAGES:
        if find_spec(package) is None:
            raise MissingExtraError("report", package)


def _check_request(model: str, data: Path, split: Split, *, is_stamped: bool) -> ExpressionCard:
    """Refuse what can't be scored before the costly step, and return the model's card."""
    card, dataset = read_card(read_model_file(find_model(model))).expect(ExpressionCard), open_dataset(data)
    dataset.rows_of(split)
    check_labels(card, dataset)
    if is_stamped:
        check_stampable(card, dataset)
    return card


def _read_run(run: Path, card: ExpressionCard) -> tuple[list[EpochRecord], EpochRecord | None]:
    """Read a run's history, and which of its epochs was kept.

    Raises:
        RunError: If it has no history, or another recipe than the model's.
    """
    recipe, history = Run(run).recipe(), Run(run).history()
    sha256 = Run(run).recipe_sha256()
    if sha256 != card.recipe_sha256:
        raise RunError(
            f"--run {run} was trained with recipe {recipe.name} ({sha256[:12]}...), but the model comes from "
            f"recipe {card.recipe} ({card.recipe_sha256[:12]}...). Name the run that the model was exported from."
        )
    records = [record for record in history if isinstance(record, EpochRecord)]
    best = recipe.find_best(records)
    return records, best if isinstance(best, EpochRecord) else None


def _tabulate_figures(scores: Scores) -> Table:
    low, high = scores.accuracy_ci95
    title = escape(f"{scores.model} on {scores.data}, {scores.split}: {scores.n:,} pictures")
    table = Table(title=title, title_justify="left")
    table.add_column("Figure", no_wrap=True)
    table.add_column("Value", justify="right", no_wrap=True)
    table.add_column("Remark", style="dim")
    table.add_row(
        "accuracy", _percent(scores.accuracy), f"95 % interval {_percent(low)} to {_percent(high)}", style="bold"
    )
    if scores.split != "train" and scores.accuracy_without_twins is not None:
        remark = f"on {scores.n_without_twins:,} pictures that have no twin in train"
        table.add_row("without twins", _percent(scores.accuracy_without_twins), remark)
    if scores.accuracy_without_near_twins is not None:
        remark = f"on {scores.n_without_near_twins:,} of them that are not nearly in train either"
        table.add_row("without near twins", _percent(scores.accuracy_without_near_twins), remark)
    if (coarse := scores.coarse) is not None:
        low, high = coarse.accuracy_ci95
        remark = f"{', '.join(coarse.labels)}: 95 % interval {_percent(low)} to {_percent(high)}"
        table.add_row("coarse accuracy", _percent(coarse.accuracy), remark)
    table.add_row("macro F1", _percent(scores.macro_f1), "every label counts alike")
    table.add_row("weighted F1", _percent(scores.weighted_f1), "every picture counts alike")
    table.add_row("calibration error", _percent(scores.ece), "ECE of the top label, 15 equal bins")
    table.add_row("loss", f"{scores.loss:.4f}", "mean negative log likelihood")
    if scores.fer_plus_agreement is not None:
        table.add_row("FER+ agreement", _percent(scores.fer_plus_agreement), "with most of its ten people")
    if scores.votes is not None:
        table.add_row("FER+ agreement, second head", _percent(scores.votes.agreement), scores.votes.describe())
    return table


def _tabulate_labels(scores: Scores) -> Table:
    table = Table("Label", title="Label by label", title_justify="left")
    for name in ("Pictures", "Precision", "Recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, figures in scores.per_class.items():
        shares = (_percent(share) for share in (figures.precision, figures.recall, figures.f1))
        table.add_row(escape(label), f"{figures.support:,}", *shares)
    return table


def _list_notes(scoring: Scoring, out: Path, *, is_stamped: bool) -> Iterator[str]:
    """Yield the lines below the tables."""
    scores = scoring.scores
    yield f"Report: {out / 'report.html'}"
    if is_stamped:
        yield f"Stamped: the card of {scores.model} now holds its {scores.split} figures."
    yield from warn(scoring.card.data, scoring.dataset.manifest, scoring.test_sha256)
    if scoring.is_official_test:
        yield "Reminder: FER2013's test part is scored once, for a released model. Log it in docs/experiments.md."
    elif scores.split == "test":
        yield "Reminder: test is for the end. Choose on validation."


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"

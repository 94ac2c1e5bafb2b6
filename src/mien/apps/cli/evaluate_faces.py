"""`mien evaluate` for a detector: its figures on one part of annotated photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from mien.apps.report.caution import warn
from mien.core.atomic import check_shared_folder, write_text
from mien.core.card import FacesCard
from mien.inference.runtime.bundled import find_model
from mien.training.data.faces.photos import PhotoSet, open_photos
from mien.training.data.table import Split
from mien.training.evaluate.faces import FaceScores, score_detector
from mien.training.evaluate.stamp import stamp_detector


def evaluate_faces(model: str, data: Path, split: Split, out: Path, command: str, *, stamp: bool) -> None:
    """Score an exported detector, print its figures and write metrics.json.

    Args:
        model: A file that `mien export` wrote, or the name of a bundled model.
        data: A folder that `mien data import` made of annotated photos.
        split: The part to score.
        out: Folder for metrics.json.
        command: The line that makes the same figures again.
        stamp: Write the figures into the model's card as well.

    Raises:
        ModelError: If the file is no detector of ours.
        DataError: If the data set can't be used.
        InputError: If a file can't be written.
    """
    photos = open_photos(data)
    photos.rows_of(split)  # refused before the costly step
    check_shared_folder(out)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"scoring {split}")
        scores, card = score_detector(
            model,
            data,
            split,
            command=command,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if stamp:
        scores = stamp_detector(find_model(model), scores)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "metrics.json", scores.model_dump_json(indent=2) + "\n")
    console.print(_tabulate(scores))
    console.print(_tabulate_choices(scores))
    for note in _list_notes(card, photos, out, split, is_stamped=stamp):
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _list_notes(card: FacesCard, photos: PhotoSet, out: Path, split: Split, *, is_stamped: bool) -> Iterator[str]:
    """Yield the lines below the table."""
    yield f"Figures: {out / 'metrics.json'}"
    if is_stamped:
        yield f"Stamped: the card of {card.name} now holds its {split} figures."
    yield from warn(card.data, photos.manifest)
    if split == "test":
        yield "Reminder: test is for the end. Choose on validation."


def _tabulate(scores: FaceScores) -> Table:
    title = escape(f"{scores.model} on {scores.data}, {scores.split}: {scores.n_pictures:,} photos")
    table = Table(title=title, title_justify="left")
    table.add_column("Figure", no_wrap=True)
    table.add_column("Value", justify="right")
    table.add_column("Remark")
    precisions = ((scores.ap_16, scores.n_faces_16, 16), (scores.ap_32, scores.n_faces_32, 32))
    for value, count, limit in (*precisions, (scores.ap_64, scores.n_faces_64, 64)):
        shown = "-" if value is None else f"{value:.3f}"
        table.add_row(f"AP from {limit} px", shown, f"average precision at IoU 0.5 over {count:,} faces")
    at = f"at the default score of {scores.min_score:.2f}"
    recall = "-" if scores.recall_32 is None else f"{scores.recall_32:.1%}"
    table.add_row("recall from 32 px", recall, at)
    table.add_row("false faces", f"{scores.false_faces_per_picture:.3f}", f"a photo, {at}")
    for error, limit in ((scores.landmark_error_32, 32), (scores.landmark_error_64, 64)):
        shown = "-" if error is None else f"{error:.1%}"
        table.add_row(f"landmark error from {limit} px", shown, "median, in distances between the eyes")
    return table


def _tabulate_choices(scores: FaceScores) -> Table:
    """Return what each `--min-score` would give."""
    table = Table("--min-score", title="At other scores", title_justify="left")
    for name in ("found from 16 px", "from 32 px", "false faces a photo"):
        table.add_column(name, justify="right", no_wrap=True)
    for choice in scores.by_score:
        recalls = ("-" if share is None else f"{share:.0%}" for share in (choice.recall_16, choice.recall_32))
        is_default = choice.min_score == scores.min_score
        shown = f"{choice.min_score:.2f}{' (default)' if is_default else ''}"
        table.add_row(shown, *recalls, f"{choice.false_faces_per_picture:.2f}", style="bold" if is_default else None)
    return table

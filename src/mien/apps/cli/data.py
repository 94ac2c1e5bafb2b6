"""`mien data`: import a data set, and have the doctor look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from mien.training.data.files import PictureFile
    from mien.training.data.table import Dataset

app = App(name="data", help="Import a data set, and check it.")
app.command("mien.apps.cli.check:check", help="Look for leaks, contradictions and pictures that are no faces.")


@app.command(name="import")
def import_(
    source: str,
    /,
    *,
    out: Path,
    votes: Path | None = None,
    split: str | None = None,
    seed: int = 0,
    twins: Literal["together", "ignore"] = "together",
    pool: Annotated[bool, Parameter(negative="")] = False,
    from_validation: Annotated[bool, Parameter(negative="")] = False,
    count: int = 2100,
    size_px: int | None = None,
    color: Literal["gray", "rgb"] | None = None,
    faces: Annotated[bool, Parameter(negative="")] = False,
    detector: str | None = None,
) -> None:
    """Import a data set into a folder that the other commands read.

    Args:
        source: fer2013.csv or icml_face_data.csv, plain or packed as .gz, .xz or .zip; a folder of class folders with
            pictures, or the .zip of one, such as Kaggle's train/ and test/; a folder of photos with annotations.jsonl,
            for training a detector; or the word `synthetic`, which draws simple faces. What it is, is told by what it
            holds.
        out: The folder to make.
        votes: FER+'s fer2013new.csv, joined row by row to one of the two tables.
        split: `official` for the source's own parts, or shares that are drawn from the training part: 80/20; with
            --pool from all: 80/10/10. Default: its own parts if there is one for validation; else 80/20 if it keeps
            test pictures apart; else 80/10/10 from all.
        seed: Seed of a drawn split and of synthetic faces.
        twins: Keep pixel-identical pictures on one side of a drawn split, or ignore them.
        pool: Draw the split from all parts of the source.
        from_validation: Draw the shares from the validation part, for a last run that learns from it, too: with 90/10
            nine tenths of it come to train. What is nearly in test is left unused, unless twins are ignored.
        count: Number of synthetic faces.
        size_px: Side that pictures from folders are scaled to; 48 unless given.
        color: Color that pictures from folders are brought to; gray unless given.
        faces: The pictures in the folders are whole photos: find the face in each, turn it upright and cut it out, as
            live pictures are cut. Of several faces the largest is taken if it has at least twice the area of the next.
            Other photos with several, and those with none, are left out and listed.
        detector: With --faces: name or path of the model that finds them; the bundled one unless given.
    """
    from mien.training.data.sources.annotated_photos import is_annotated

    if is_annotated(Path(source)):
        given: dict[str, object] = {"--votes": votes, "--split": split, "--pool": pool}
        given |= {"--from-validation": from_validation}
        given |= {"--size-px": size_px, "--color": color, "--faces": faces, "--detector": detector}
        _import_photos(Path(source), out, seed, [flag for flag, value in given.items() if value])
        return
    from mien.training.data.importing import SYNTHETIC, import_data
    from mien.training.data.table import open_dataset

    with _make_bar() as bar:
        task = bar.add_task("drawing" if source == SYNTHETIC else f"reading {Path(source).name or source}", total=None)
        import_data(
            source,
            out,
            votes=votes,
            split=split,
            seed=seed,
            twins=twins,
            pool=pool,
            from_validation=from_validation,
            count=count,
            size_px=size_px,
            color=color,
            faces=faces,
            detector=detector,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    dataset = open_dataset(out)
    for note in _list_notes(dataset):
        print(note)
    print(f"{_summarize(dataset)} in {out}")


def _import_photos(source: Path, out: Path, seed: int, unusable: list[str]) -> None:
    """Import photos with annotated faces, for training a detector.

    Raises:
        InputError: If flags were given that mean nothing for them.
    """
    from mien.core.errors import InputError
    from mien.training.data.faces.photos import open_photos
    from mien.training.data.sources.annotated_photos import import_photos
    from mien.training.data.table import SPLITS

    if unusable:
        raise InputError(f"{unusable[0]} goes with pictures of single faces; {source} holds annotated photos.")
    with _make_bar() as bar:
        task = bar.add_task(f"reading {source.name}", total=None)
        import_photos(
            source, out, seed=seed, on_progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    photos = open_photos(out)
    counts = {split: int((photos.photos["split"] == number).sum()) for number, split in enumerate(SPLITS)}
    listed = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"{photos.manifest.name}: {len(photos.photos)} photos ({listed}), {len(photos.faces):,} faces in {out}")


def _make_bar() -> Progress:
    """Build a bar on the standard error that shows where it is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),  # a file name may hold [brackets]
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _list_notes(dataset: Dataset) -> Iterator[str]:
    """Yield what is to be said of a source of picture files: the labels it gave, and what was left out."""
    files = dataset.files()
    if files:
        yield f"Labels: {', '.join(dataset.labels)}"
    unreadable = [file for file in files if file.is_unreadable]
    if unreadable:
        yield f"Left out {len(unreadable)} unreadable of {len(files)} files: {_name(unreadable)}"
    without = [file for file in files if file.row is None and file.faces == 0]
    several = [file for file in files if file.row is None and file.faces]
    if without or several:
        counted = [f"{len(without)} of {len(files)} photos without a face"] if without else []
        of_all = "" if without else f" of {len(files)} photos"
        counted += [f"{len(several)}{of_all} with several{'' if without else ' faces'}"] if several else []
        yield f"Left out {' and '.join(counted)}: {_name(without + several)}"


def _name(files: list[PictureFile]) -> str:
    """Name the first of the files that were left out, and say where the reasons are."""
    from mien.apps.cli.check import name_files
    from mien.training.data.files import FILES_FILE

    return f"{name_files([file.file for file in files], len(files))} (reasons: {FILES_FILE})"


def _summarize(dataset: Dataset) -> str:
    """Say how many pictures there are, where they went, and by which rule."""
    from mien.training.data.table import SPLITS, UNUSED

    numbers = {part: number for number, part in enumerate(SPLITS)} | {"unused": UNUSED}
    counts = {part: int((dataset.table["split"] == number).sum()) for part, number in numbers.items()}
    listed = ", ".join(f"{count} {part}" for part, count in counts.items() if count or part != "unused")
    return f"{dataset.manifest.name}: {len(dataset.table)} pictures ({listed}; split {dataset.manifest.split})"

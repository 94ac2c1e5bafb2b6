"""`mien data`: import a data set, and have the doctor look at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
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
    split: str = "official",
    seed: int = 0,
    twins: Literal["together", "ignore"] = "together",
    pool: Annotated[bool, Parameter(negative="")] = False,
    count: int = 2100,
) -> None:
    """Import a data set into a folder that the other commands read.

    Args:
        source: fer2013.csv, plain or packed as .gz, .xz or .zip; or the word `synthetic`, which draws simple faces.
        out: The folder to make.
        votes: FER+'s fer2013new.csv, joined row by row.
        split: `official`, or shares that are drawn from the training part: 80/20; with --pool from all: 80/10/10.
        seed: Seed of a drawn split and of synthetic faces.
        twins: Keep pixel-identical pictures on one side of a drawn split, or ignore them.
        pool: Draw the split from all parts of the source.
        count: Number of synthetic faces.
    """
    from mien.training.data.importing import SYNTHETIC, import_data
    from mien.training.data.table import open_dataset

    with _make_bar() as bar:
        task = bar.add_task("drawing" if source == SYNTHETIC else f"reading {Path(source).name}", total=None)
        import_data(
            source,
            out,
            votes=votes,
            split=split,
            seed=seed,
            twins=twins,
            pool=pool,
            count=count,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(f"{_summarize(open_dataset(out))} in {out}")


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


def _summarize(dataset: Dataset) -> str:
    """Say how many pictures there are and where they went."""
    from mien.training.data.table import SPLITS, UNUSED

    numbers = {part: number for number, part in enumerate(SPLITS)} | {"unused": UNUSED}
    counts = {part: int((dataset.table["split"] == number).sum()) for part, number in numbers.items()}
    listed = ", ".join(f"{count} {part}" for part, count in counts.items() if count or part != "unused")
    return f"{dataset.manifest.name}: {len(dataset.table)} pictures ({listed})"

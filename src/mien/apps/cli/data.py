"""`mien data`: import a data set, and have the doctor look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

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
    from mien.training.data.importing import import_data
    from mien.training.data.table import SPLITS, open_dataset

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(f"reading {Path(source).name}", total=None)
        manifest = import_data(
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
    dataset = open_dataset(out)
    counts = ", ".join(f"{(dataset.table['split'] == number).sum()} {part}" for number, part in enumerate(SPLITS))
    Console().print(f"{manifest.name}: {len(dataset.table)} pictures ({counts}) in {out}", soft_wrap=True)

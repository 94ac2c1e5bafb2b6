"""How much does a poor picture cost? Blur, compress, darken, shrink, hide and turn faces, and read them again.

Every model sees the same pictures. A line a change tells how many are read rightly, how many points that is below the
untouched pictures, and by how many points the mean confidence is above the accuracy. The changes are those of
`mien.training.evaluate.changes`.

    mien data import fer2013.csv.xz --votes fer2013new.csv --out fer2013
    python examples/robustness.py fer2013 --models nano mine.onnx --out robustness.json

Look at validation as often as you like. `--split test` is for the final report alone: whoever chooses a model or a
change of training by it has no test part any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, run
from rich.console import Console
from rich.progress import Progress

import mien
from mien.apps.report.caution import print_cautions
from mien.core.atomic import check_new_file, write_text
from mien.training.data.table import Split, open_dataset
from mien.training.evaluate.robustness import measure_robustness


def main(
    data: Path,
    *,
    models: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ("expression",),
    split: Split = "validation",
    limit: int = 0,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Print a Markdown table.

    Args:
        data: What `mien data import` wrote.
        models: Bundled names or files, side by side.
        split: Which part of the data; test is for the final report alone.
        limit: Pictures to show at most, evenly spread; 0 shows all.
        seed: Of noise and places.
        out: A JSON file for all figures, with more digits and intervals.
    """
    if out is not None:
        check_new_file(out)
    dataset = open_dataset(data)
    recognizers = {model: mien.Recognizer.load(model) for model in models}
    for recognizer in recognizers.values():
        print_cautions(recognizer.card.data, dataset.manifest)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("changing, reading")
        robustness = measure_robustness(
            recognizers,
            dataset,
            split,
            limit=limit,
            seed=seed,
            on_progress=lambda shown, total: bar.update(task, completed=shown, total=total),
        )
    print(robustness.to_markdown(), end="")
    if out is not None:
        write_text(out, robustness.model_dump_json(indent=2) + "\n")


if __name__ == "__main__":
    run(main)

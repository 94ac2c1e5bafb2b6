"""What `mien watch` makes sure of before the first frame: flags that go together, and files that can be written."""

from __future__ import annotations

import os
from pathlib import Path

from mien.apps.cli.clock import Every
from mien.apps.cli.outputs import printable
from mien.apps.cli.tables import check_parquet
from mien.apps.cli.written_forms import refuse_other_form
from mien.apps.report.environment import open_environment
from mien.core.atomic import check_new_file
from mien.core.errors import InputError
from mien.inference.insights.settings import InsightSettings
from mien.inference.media.addresses import refuse_address


def check_flags(
    source: str, files: dict[str, Path | None], *, is_group: bool, has_min_group: bool, has_thumbnails: bool
) -> None:
    """Refuse flags that contradict each other, and files that can't be written, mislead, or would be written over.

    Args:
        source: The video or camera.
        files: By flag where it writes to, or None.
        is_group: Whether a group is told about.
        has_min_group: Whether its least size was given.
        has_thumbnails: Whether the report shall have pictures.

    Raises:
        InputError: If one is found.
        MissingExtraError: If a form needs an extra that is absent.
    """
    refuse_address(printable(source))
    if source.isdigit() and not Path(source).exists():
        raise InputError(f"there is no file {source}. For a camera say camera:{source}.")
    if files["--parquet"] is not None:
        check_parquet()
    if is_group:
        _refuse_single_persons({"--annotate": files["--annotate"] is not None, "--thumbnails": has_thumbnails})
    elif has_min_group:
        raise InputError("--min-group says how many persons --group needs at least. Add --group, or leave it out.")
    if files["--report"] is not None:
        open_environment()  # refuses where its extra is absent
    elif has_thumbnails:
        raise InputError("--thumbnails are put into a report. Add --report FILE, or leave them out.")
    taken = dict.fromkeys(_identify(Path(source)), f"the video {source}")
    for flag, path in files.items():
        if path is None:
            continue
        check_new_file(path)
        for one in _identify(path):
            if one in taken:
                raise InputError(f"{flag} {path} would be written over {taken[one]}. Name another file.")
        refuse_other_form(flag, path)
        taken |= dict.fromkeys(_identify(path), f"that of {flag}")


def choose_settings(
    every: Every, max_fps: float | None, frame_rate: float | None, *, has_baseline: bool
) -> InsightSettings:
    """Return settings by which a look counts until the next one, however seldom they are.

    Args:
        every: Which frames are looked at.
        max_fps: How many a second at most, or None.
        frame_rate: Of the video, or None.
        has_baseline: Whether valence is told as the difference from each person's median, too.
    """
    steps = [every.seconds or 0.0, 1.0 / max_fps if max_fps else 0.0]
    if frame_rate:
        steps.append((every.frames or 1) / frame_rate)
    longest_s = max(InsightSettings().longest_step_s, 1.5 * max(steps))
    return InsightSettings(baseline=has_baseline, longest_step_s=longest_s, longest_gap_s=longest_s)


def name_sampling(every: Every, max_fps: float | None) -> str:
    """Say which frames were looked at, such as "one frame in 5, at most 10 a second"."""
    parts = ["every frame"]
    if every.frames is not None:
        parts = [f"one frame in {every.frames}"]
    if every.seconds is not None:
        parts = [f"one frame in {every.seconds:g} s"]
    if max_fps is not None:
        parts.append(f"at most {max_fps:g} a second")
    return ", ".join(parts)


def _refuse_single_persons(flags: dict[str, bool]) -> None:
    """Refuse flags that show single persons where only a group may be told about."""
    for flag, is_given in flags.items():
        if is_given:
            raise InputError(f"{flag} shows single persons, and --group tells about all together. Leave one out.")


def _identify(path: Path) -> list[object]:
    """Return what two paths share if they mean one file, be it by links of either kind."""
    keys: list[object] = [os.path.realpath(path)]
    try:
        status = path.stat()
    except (OSError, ValueError):
        return keys
    return [*keys, (status.st_dev, status.st_ino)]

"""`mien watch`: a video or a camera in; rows, an annotated video, a report, and what it all showed out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive
from rich.console import Console

from mien.apps.cli.clock import Every, parse_every, parse_time
from mien.apps.cli.interruption import end_on_sigterm, in_one_piece
from mien.apps.cli.moment_rows import MomentRows, list_columns
from mien.apps.cli.outputs import printable
from mien.apps.cli.watch_checks import check_flags, choose_settings, name_sampling
from mien.apps.cli.watch_outputs import AnnotatedVideo, Moments, Output, open_table, write_group, write_insights
from mien.apps.cli.watch_report import Report, name_facts
from mien.apps.cli.watch_screen import Bar, LiveTable, Screen
from mien.apps.cli.watch_summary import print_summary
from mien.core.errors import MienError
from mien.inference.expression.model import LabelSet
from mien.inference.faces.detector import DEFAULT_DETECTOR
from mien.inference.insights.collector import Insights
from mien.inference.insights.group import GroupSettings
from mien.inference.media.video.reader import Video, open_video
from mien.inference.pipeline import STEADY, Pipeline
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import DEFAULT_MODEL
from mien.inference.runtime.session import count_threads

_FORM = Group("Form of the rows", validator=mutually_exclusive)


def watch(
    source: str,
    /,
    *,
    csv: Annotated[Path | None, Parameter(group=_FORM)] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=_FORM)] = False,
    parquet: Annotated[Path | None, Parameter(group=_FORM)] = None,
    annotate: Path | None = None,
    report: Path | None = None,
    thumbnails: Annotated[bool, Parameter(negative="")] = False,
    insights: Path | None = None,
    group: Annotated[bool, Parameter(negative="")] = False,
    min_group: int | None = None,
    every: str | None = None,
    max_fps: float | None = None,
    start: str | None = None,
    end: str | None = None,
    baseline: Annotated[bool, Parameter(negative="")] = False,
    smooth: Annotated[bool, Parameter(negative="--no-smooth")] = True,
    model: str = DEFAULT_MODEL,
    labels: LabelSet = "fer2013",
    detector: str = DEFAULT_DETECTOR,
    min_score: float | None = None,
    max_side_px: int | None = None,
    threads: int | None = None,
) -> int:
    """Follow the faces of a video or a camera, and tell who shows which apparent expression when.

    Nothing is stored unless a flag asks for it, and no frame ever is but by --annotate and --thumbnails. Ctrl-C ends
    what runs; everything so far is kept.

    Args:
        source: A video file, or a camera: camera:0.
        csv: Write a CSV file that grows while frames are read: a row a face and frame, and one for a frame without a
            face: frame, time_s, person, x, y, width, height, score, is_certain, expression, confidence, the smoothed
            probability of each label, and as LABEL_raw what the frame alone says.
        as_json: Print the rows as JSON objects, one a line, as they come.
        parquet: Write the rows to a Parquet file, which is there at the end; needs the extra "tables".
        annotate: Write the frames that were looked at as a video, with boxes, numbers, labels and a timeline; the sound
            is kept.
        report: Write one self-contained HTML page; needs the extra "report".
        thumbnails: Put a small picture of the face into the report for each episode; without it, the report holds none.
        insights: Write episodes, shares and timeline as JSON.
        group: Tell about all persons together and nothing about one: rows are spans of time, and hold nothing where
            fewer persons than --min-group were seen.
        min_group: The fewest persons that --group tells about; 5 unless given.
        every: Look at every so-many-th frame, such as 5, or at one frame in so many seconds, such as 0.5s.
        max_fps: Look at so many frames a second at most.
        start: Where to begin, in seconds or as 1:02:03.5.
        end: Where to end, likewise.
        baseline: Tell valence over time as the difference from each person's median, too.
        smooth: Smooth each person's probabilities over time. With --no-smooth each frame speaks for itself.
        model: A model's name, or path of a model file.
        labels: What a model with two heads is asked for: fer2013 or votes; see `mien predict --help`.
        detector: Name of a model that finds faces, or path of one.
        min_score: Score from which on a detection is shown, 0-1; lower finds more faces, and more that are none.
        max_side_px: Larger frames are scaled down to this longer side before faces are looked for.
        threads: Processors to use; by default what the machine has, at most 4.
    """
    files = {"--csv": csv, "--parquet": parquet, "--annotate": annotate, "--report": report, "--insights": insights}
    check_flags(source, files, is_group=group, has_min_group=min_group is not None, has_thumbnails=thumbnails)
    picked = Every() if every is None else parse_every(every)
    first_s = 0.0 if start is None else parse_time(start, "--start")
    last_s = None if end is None else parse_time(end, "--end")
    crowd = None if not group else GroupSettings() if min_group is None else GroupSettings(min_group=min_group)
    has_rows = csv is not None or parquet is not None or as_json
    steady = STEADY if smooth else None
    page = None
    with ExitStack() as stack:
        stack.enter_context(end_on_sigterm())
        video = stack.enter_context(
            open_video(
                source, start_s=first_s, end_s=last_s, every=picked.frames, every_s=picked.seconds, max_fps=max_fps
            )
        )
        settings = choose_settings(picked, max_fps, video.frame_rate, has_baseline=baseline)
        collected = Insights(settings, group=crowd)
        seen: AnnotatedVideo | None = None
        outputs: list[Output] = [Moments(collected.add)]
        recognizer = Recognizer.load(model, labels=labels, detector=detector, threads=1)
        pipeline = Pipeline(
            recognizer,
            smoothing=steady,
            min_score=min_score,
            max_side_px=max_side_px,
            workers=count_threads(threads),
        )
        if annotate is not None:
            outputs.append(seen := stack.enter_context(AnnotatedVideo.create(annotate, video, first_s, last_s)))
        if has_rows and not group:
            table = stack.enter_context(open_table(csv, parquet, list_columns(recognizer.labels)))
            outputs.append(Moments(MomentRows(table, recognizer.labels).write))
        if report is not None:
            facts = name_facts(
                video,
                recognizer.card,
                detector=detector,
                sampling=name_sampling(picked, max_fps),
                smoothing=steady,
                settings=settings,
            )
            outputs.append(page := Report(facts, has_pictures=thumbnails))
        screen = stack.enter_context(_open_screen(video, is_group=group))
        failure = _follow(pipeline, video, outputs, screen)
    shown = collected.summarize(video.duration_s, last_s, is_over=True)
    rows_file = parquet if csv is None else csv
    written = [file for file in (None if group else rows_file, annotate if shown.frames else None) if file is not None]
    endings: list[tuple[Callable[[], None], Path | None]] = []
    if has_rows and group:
        endings.append((lambda: write_group(shown, recognizer.labels, csv, parquet), rows_file))
    if insights is not None:
        endings.append((lambda: write_insights(insights, shown), insights))
    if report is not None and page is not None:
        endings.append((lambda: page.write_page(report, shown, failure), report))
    endings.append((lambda: print_summary(shown, Console(stderr=as_json)), None))
    endings.append((lambda: _tell_losses(video, seen, shown.frames), None))
    endings.append((lambda: _tell_files(written), None))
    _end(endings, written, failure)
    return 0


def _follow(pipeline: Pipeline, video: Video, outputs: Sequence[Output], screen: Screen) -> BaseException | None:
    """Hand every frame to every output; return what ended it before its time, None if it came to its end."""
    try:
        with closing(pipeline.look(video)) as looks:
            for look in looks:
                with in_one_piece():
                    for output in outputs:
                        output.write(look)
                    screen.show(look.moment)
    except (MienError, KeyboardInterrupt, OSError) as failure:
        return failure
    return None


def _end(
    endings: Sequence[tuple[Callable[[], None], Path | None]], written: list[Path], failure: BaseException | None
) -> None:
    """Do all that is left, whichever of it fails; note the files it wrote, and raise what failed first."""
    for ending, file in endings:
        try:
            ending()
        except (MienError, OSError) as error:
            failure = failure or error
        else:
            written += [] if file is None else [file]
    if failure is not None:
        raise failure


def _open_screen(video: Video, *, is_group: bool) -> AbstractContextManager[Screen]:
    """Return what is shown meanwhile; the live table tells of single persons, and so not of a group."""
    return LiveTable.open() if video.is_live and not is_group else Bar.open(video.expected_frames)


def _tell_losses(video: Video, seen: AnnotatedVideo | None, frames: int) -> None:
    """Say what of the video could not be decoded, what of its sound not kept, or that there was nothing to see."""
    if video.broken:
        print(f"mien: note: {video.broken:,} parts of {video.source} are damaged and were passed over", file=sys.stderr)
    if seen is not None and seen.broken:
        print(f"mien: note: {seen.broken:,} parts of the sound could not be kept and were left out", file=sys.stderr)
    if seen is not None and video.has_audio and not video.is_live and not seen.has_sound:
        print(f"mien: note: the sound of {video.source} can't be read and was left out", file=sys.stderr)
    if not frames:
        print(f"mien: note: no frame of {video.source} lies where to look", file=sys.stderr)


def _tell_files(written: Sequence[Path]) -> None:
    if written:
        print(f"wrote {', '.join(printable(str(file)) for file in written)}", file=sys.stderr)

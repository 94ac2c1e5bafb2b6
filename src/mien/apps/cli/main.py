"""`mien`: the verbs, and what happens when one of them fails.

Nothing heavy is imported here: a verb's module is loaded when the verb is called, so `mien --help` answers at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TextIO

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141
"""As shells count a program that ended by SIGINT (2) or SIGPIPE (13)."""


def _tell_interruption() -> int:
    print("mien: interrupted", file=sys.stderr)
    return EXIT_INTERRUPTED


def _was_interrupted(error: BaseException | None) -> bool:
    """Find out whether Ctrl-C is behind an error: libraries that are loading may wrap it, or name it in words alone."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt) or _to_text(error).endswith(f"{KeyboardInterrupt.__name__}:"):
            return True
        error = error.__cause__ or error.__context__
    return False


def _to_text(error: BaseException) -> str:
    """Return an error's words; cyclopts' errors load verbs to find theirs, which may fail again and hide the first."""
    try:
        return str(error).rstrip()
    except Exception:  # noqa: BLE001 - whatever it is, the error that is told is the other one
        return ""


try:  # these take most of the time before `main` begins, in which Ctrl-C would be told by a traceback
    import signal

    from cyclopts import App

    from mien import __version__
    from mien.apps.cli.wrong_calls import explain, name_flags
    from mien.core.errors import MienError, MissingExtraError
except BaseException as error:
    if not _was_interrupted(error):
        raise
    sys.exit(_tell_interruption())

EXTRAS: Final[dict[str, str]] = {
    "jinja2": "report",
    "matplotlib": "report",
    "sklearn": "report",
    "filelock": "train",
    "kornia": "train",
    "lightning": "train",
    "onnx": "train",
    "onnxscript": "train",
    "safetensors": "train",
    "tomli_w": "train",
    "torch": "train",
    "pyarrow": "tables",
    "av": "video",
    "scipy": "video",
    "fastapi": "serve",
    "httptools": "serve",
    "prometheus_client": "serve",
    "pydantic_settings": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
    "websockets": "serve",
}
"""By optional package: the extra of mien that holds it."""


def _build_app() -> App:
    """Name the verbs, and what each does."""
    app = App(
        name="mien",
        help="Reads apparent facial expressions in pictures and video, and trains the networks that do it.",
        version=__version__,
        result_action="return_int_as_exit_code_else_zero",
        error_formatter=explain,
        suppress_keyboard_interrupt=False,
    )
    app.command("mien.apps.cli.predict:predict", help="Name the expressions in pictures of faces.")
    app.command("mien.apps.cli.watch:watch", help="Follow the faces of a video or a camera.")
    app.command("mien.apps.cli.serve:serve", help="Put the models online: REST, live frames, and a page.")
    app.command("mien.apps.cli.demo:demo", help="Run the bundled model on the bundled picture.")
    app.command("mien.apps.cli.info:info", help="Show what a model says of itself.")
    app.command("mien.apps.cli.bench:bench", help="Measure how fast a model is on this machine.")
    app.command("mien.apps.cli.data:app", name="data", help="Import a data set, and check it.")
    app.command("mien.apps.cli.train:train", help="Train a network by a recipe.")
    app.command("mien.apps.cli.average:average", help="Average the weights of finished runs into a new run.")
    app.command("mien.apps.cli.export:export", help="Write a trained network to one self-contained model file.")
    app.command("mien.apps.cli.evaluate:evaluate", help="Score a model file on one split of a data set.")
    return app


try:
    app = _build_app()
except KeyboardInterrupt:
    sys.exit(_tell_interruption())


def main() -> None:
    """Run the command line of this process."""
    try:
        warnings.filterwarnings("ignore", module=r"PIL\.")  # of odd tags in pictures that can be read all the same
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                _tolerate_any_name(stream)
        status = run(sys.argv[1:])
        # Whoever is in a hurry ends the process at once, and not with a traceback out of the interpreter's last steps.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:  # before `run` could catch it, or a second one
        status = _tell_interruption()
    sys.exit(status)


def run(tokens: Sequence[str]) -> int:
    """Run one command and return its exit status.

    Args:
        tokens: What stands behind `mien` on the command line.

    Returns:
        0 if all went well, 1 if mien refused or something could not be read, 2 for a wrong call, 130 if interrupted,
        141 if the reader of its output went away.
    """
    try:
        status = app(list(tokens))
        if sys.stdout is not None:  # a program without a terminal may have none
            sys.stdout.flush()
    except MienError as error:
        return _report(name_flags(str(error), app, tokens))
    except KeyboardInterrupt:
        return _tell_interruption()
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:  # what we did not foresee in reading or writing, such as a full disk behind a pipe
        _silence_stdout()
        return _report(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
    except SystemExit as exit_:  # cyclopts has explained a wrong call
        if isinstance(exit_.__context__, BrokenPipeError):  # rich ends the program with 1 where its reader is gone
            _silence_stdout()
            return EXIT_BROKEN_PIPE
        return exit_.code if isinstance(exit_.code, int) else EXIT_FAILED
    except Exception as error:
        if _was_interrupted(error):
            return _tell_interruption()
        missing = _missing_extra(error) if isinstance(error, ImportError) else None
        if missing is None:
            raise
        return _report(str(missing))
    return status if isinstance(status, int) else 0


def _silence_stdout() -> None:
    """Give the interpreter, which flushes stdout once more when it ends, somewhere to flush to."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(message: str) -> int:
    print(f"mien: error: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_FAILED


def _missing_extra(error: BaseException | None) -> MienError | None:
    """Find out whether an import failed for want of an optional package; a verb's own imports may be the reason."""
    while error is not None:
        if isinstance(error, MienError):
            return error
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            package = error.name.partition(".")[0]
            if package in EXTRAS:
                return MissingExtraError(EXTRAS[package], package)
        error = error.__cause__
    return None


def _tolerate_any_name(stream: TextIO) -> None:
    """Print names that the terminal's encoding can't hold with escapes, instead of failing on them."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")

"""Ctrl-C at any moment: one line and status 130, and no traceback, while libraries load as well."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mien.apps.cli import main as module
from mien.apps.cli.main import run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")

WITH_INTERRUPTION = """
import os, signal, sys

class Interruption:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interruption())
from mien.apps.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "name",
    [
        "cyclopts",
        "cyclopts.core",
        "rich.markup",
        "mien.core.errors",
        "mien.apps.cli.watch",
        "rich.live",
        "pydantic",
        "numpy",
        "PIL.Image",
        "mien.inference.pipeline",
        "av",
    ],
)
def test_while_a_library_loads(name, tmp_path) -> None:
    if name == "av":
        pytest.importorskip("av", reason="videos need the video extra")
    command = [sys.executable, "-c", WITH_INTERRUPTION.format(name=name), "watch", str(tmp_path / "absent.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "mien: interrupted\n")


@pytest.mark.parametrize(("cause", "status"), [("KeyboardInterrupt", 130), ("OverflowError", 1)])
def test_where_a_library_wraps_it_before_main_begins(cause, status) -> None:
    code = f"""
import sys, types

def fail(name):
    raise RuntimeError("__set_name__ failed") from {cause}()

fake = sys.modules["cyclopts"] = types.ModuleType("cyclopts")
fake.__getattr__ = fail
import mien.apps.cli.main
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status
    assert (done.stderr == "mien: interrupted\n") is (status == 130)
    assert ("__set_name__ failed" in done.stderr) is (status == 1), "a bug is not hidden"


def test_a_library_that_is_not_loaded_interrupts_nothing(tmp_path) -> None:
    """The control: it is the signal that ends the others."""
    command = [sys.executable, "-c", WITH_INTERRUPTION.format(name="absent"), "watch", str(tmp_path / "absent.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "absent.mp4 does not exist" in done.stderr


def test_at_moments_that_nobody_chose() -> None:
    """From a while after the start, as the interpreter's own first steps are not ours, to the end."""
    started = time.monotonic()
    command = [sys.executable, "-m", "mien", "info"]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    whole_s = time.monotonic() - started
    for share in (0.3, 0.45, 0.6, 0.75, 0.9):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(share * whole_s)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        assert process.returncode in {0, 130, -signal.SIGINT}  # to a shell the last two are one
        assert err in ({""} if process.returncode == 0 else {"", "mien: interrupted\n"})
        assert err or process.returncode != 130


def wrap(kind: type[Exception]) -> Exception:
    """Return an error that a library made of Ctrl-C."""
    try:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interruption:
            raise kind("initialization failed") from interruption
    except kind as error:
        return error


@pytest.mark.parametrize(
    "error",
    [wrap(ImportError), wrap(RuntimeError), ValueError("SchemaError: Error building it:\n  KeyboardInterrupt: ")],
)
def test_an_interruption_that_a_library_wrapped(monkeypatch, capsys, error) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(module, "app", fail)
    assert run(["anything"]) == 130
    assert capsys.readouterr().err == "mien: interrupted\n"

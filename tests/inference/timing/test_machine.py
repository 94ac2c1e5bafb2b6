import builtins
import os
import subprocess
import sys

import onnxruntime
import pytest

import mien
from mien.inference.timing import machine as module
from mien.inference.timing.machine import describe_machine, read_peak_memory_mib

STATUS = "Name:\tpython\nVmPeak:\t  900000 kB\nVmHWM:\t  154112 kB\nVmRSS:\t  100000 kB\n"


def test_the_machine_names_processor_cores_and_versions() -> None:
    machine = describe_machine()
    assert machine.processor.strip() == machine.processor != ""
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert (machine.onnxruntime, machine.mien) == (onnxruntime.__version__, mien.__version__)


def test_a_processor_without_a_name_has_its_architecture(monkeypatch) -> None:
    monkeypatch.setattr(module.sys, "platform", "other")
    monkeypatch.setattr(module.platform, "processor", lambda: "")
    monkeypatch.setattr(module.platform, "machine", lambda: "riscv64")
    assert describe_machine().processor == "riscv64"


def test_macos_is_asked_for_its_processor(monkeypatch) -> None:
    asked = []

    def run(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="Apple M9\n")

    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.setattr(module.subprocess, "run", run)
    assert describe_machine().processor == "Apple M9"
    assert asked[0][0].endswith("sysctl")


def test_a_system_call_that_fails_is_no_error(monkeypatch) -> None:
    def fail(*_, **__):
        raise FileNotFoundError("no sysctl")

    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.setattr(module.subprocess, "run", fail)
    assert describe_machine().processor


def test_the_peak_is_read_from_the_status(tmp_path) -> None:
    status = tmp_path / "status"
    status.write_text(STATUS)
    assert read_peak_memory_mib(status) == 154112 / 1024


@pytest.mark.skipif(sys.platform == "win32", reason="there is no getrusage")
@pytest.mark.parametrize(("system", "mib"), [("darwin", 2.0), ("freebsd", 2048.0)])
def test_systems_without_a_status_are_asked_for_their_usage(tmp_path, monkeypatch, system, mib) -> None:
    import resource
    from types import SimpleNamespace

    monkeypatch.setattr(module.sys, "platform", system)
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=2 * 2**20))
    assert read_peak_memory_mib(tmp_path / "absent") == mib


def test_a_system_that_tells_nothing_gives_none(tmp_path, monkeypatch) -> None:
    real = builtins.__import__

    def refuse(name, *arguments):
        if name == "resource":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert read_peak_memory_mib(tmp_path / "absent") is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere freed memory may stay with the process")
def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    held = bytearray(64 * 2**20)
    held[::4096] = b"x" * len(held[::4096])  # pages that nobody touched take no memory
    during = read_peak_memory_mib()
    del held
    after = read_peak_memory_mib()
    assert during is not None
    assert after is not None
    assert during > 64
    assert after > during - 16  # Linux counts in batches, so it may tell a little less

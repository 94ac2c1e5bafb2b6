"""What figures of speed and memory depend on: the machine, the versions, and the memory that this process took."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mien import __version__
from mien.inference.runtime.engine import load_engine
from mien.inference.runtime.session import count_processors


@dataclass(frozen=True, slots=True)
class Machine:
    """Where something was measured.

    Attributes:
        processor: Its name, as the system tells it.
        cores: Logical processors that this process may use.
        system: Operating system and architecture, such as "Linux x86_64".
        onnxruntime: Version.
        mien: Version.
    """

    processor: str
    cores: int
    system: str
    onnxruntime: str
    mien: str


def describe_machine() -> Machine:
    """Describe the machine that this process runs on."""
    return Machine(
        processor=_name_processor(),
        cores=count_processors(),
        system=f"{platform.system()} {platform.machine()}".strip(),
        onnxruntime=load_engine().__version__,
        mien=__version__,
    )


def read_peak_memory_mib(status: Path = Path("/proc/self/status")) -> float | None:
    """Return the most memory that this process ever held: its peak resident set, shared libraries included.

    Linux tells it as VmHWM, which begins with the program; `getrusage` there may show the peak of the program that
    started it. Other systems are asked by `getrusage`.

    Args:
        status: Where Linux tells it; absent on other systems.

    Returns:
        MiB; None where the system doesn't tell, as on Windows.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    if found is not None:
        return int(found[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024  # bytes on macOS, kilobytes elsewhere


def _name_processor() -> str:
    """Return what the system calls its processor; its architecture where it has no name, as on many ARM boards."""
    found = None
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            told = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
            found = told.stdout.strip()
        elif sys.platform == "linux":
            facts = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
            named = re.search(r"^model name\s*:\s*(\S.*)$", facts, re.MULTILINE)
            found = named[1].strip() if named else None
    except (OSError, subprocess.SubprocessError):
        found = None
    return found or platform.processor() or platform.machine() or "unknown processor"

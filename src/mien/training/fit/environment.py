"""What a run was trained with: versions, device, commit. Saved once, when the run begins."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mien.core.atomic import write_text
from mien.training.fit.notes import Environment
from mien.training.fit.run import Run


def save_environment(run: Run, device: str, precision: str, threads: int, processes: int) -> None:
    """Write `environment.json`."""
    environment = Environment(
        commit=find_commit(),
        versions={package: _version(package) for package in ("mien", "torch", "lightning", "kornia", "numpy")},
        python=platform.python_version(),
        processor=platform.machine(),
        cores=os.cpu_count() or 1,
        threads=threads,
        device=device,
        precision=precision,
        processes=processes,
    )
    write_text(run.environment_path, environment.model_dump_json(indent=2) + "\n")


def find_commit() -> str:
    """Return the commit of the checkout that this code runs from, or "unknown" for an installed package.

    "-dirty" is added where the code differs from that commit.
    """
    code = str(Path(__file__).parents[2])
    try:
        commit = _git("log", "-1", "--format=%H", "--", code)
        changes = _git("status", "--porcelain", "--", code)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if commit and changes else commit or "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

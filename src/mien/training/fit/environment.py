"""What a run was trained with: versions, device, commit. Saved once, when the run begins."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mien.core.atomic import write_text
from mien.training.fit.run import Environment, Run


def save_environment(run: Run, device: str, precision: str, threads: int) -> None:
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
    )
    write_text(run.environment_path, environment.model_dump_json(indent=2) + "\n")


def find_commit() -> str:
    """Return the commit of the checkout that this code runs from, or "unknown" for an installed package."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "log", "-1", "--format=%H", "--", str(Path(__file__).parents[2])],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

"""Programs of `examples/` are run as their users run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def run_example() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`run_example(name, *arguments)` returns how the program ended."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run

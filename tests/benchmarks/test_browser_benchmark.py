"""The benchmark of reading on the device runs where there is a browser and a runtime, and else says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

for name in ("fastapi", "uvicorn", "playwright", "skimage"):
    pytest.importorskip(name, reason="the benchmark needs the serve, bench and dev extras")

from mien.apps.service.browser_runtime import find_runtime, tell_install  # noqa: E402 - FastAPI is there
from mien.apps.service.settings import ServiceSettings  # noqa: E402

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "browser.py"
CHROMIUM = Path("/usr/bin/chromium")


def run_benchmark(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARK), *arguments]
    environment = {**os.environ, "COLUMNS": "200", **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
@pytest.mark.skipif(find_runtime(ServiceSettings()) is None, reason=f"onnxruntime-web comes by: {tell_install()}")
def test_each_way_has_a_row() -> None:
    result = run_benchmark("--frames", "2")
    assert result.returncode == 0, result.stderr
    for row in ("wasm, 1 thread", "wasm, 2 thread", "mien in Python, 1 thread"):
        assert row in result.stdout


def test_without_a_runtime_the_command_is_told(tmp_path: Path) -> None:
    result = run_benchmark(MIEN_BROWSER_RUNTIME=str(tmp_path))
    assert result.returncode != 0
    assert tell_install() in result.stderr

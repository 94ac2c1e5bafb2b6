"""No call leaves the machine, and nothing is left on it that nobody asked for."""

import os
import subprocess
import sys
from pathlib import Path

GUARD = """
import socket, sys
def refuse(*_): raise SystemExit("a network call")
socket.socket.connect = socket.socket.sendto = socket.getaddrinfo = refuse
from mien.apps.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def run_in_a_new_home(home, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    command = [sys.executable, "-c", GUARD, *map(str, arguments)]
    return subprocess.run(
        command, cwd=home, env=environment | {"HOME": str(home)}, capture_output=True, text=True, check=False
    )


def test_running_a_model_writes_nothing_into_the_home_folder_and_calls_nobody(tmp_path, model_file):
    """ONNX Runtime would write a device id below ~/.cache and report to its maker."""
    result = run_in_a_new_home(tmp_path, "info", model_file)
    assert result.returncode == 0, result.stderr
    import mien

    picture = Path(mien.__file__).parent / "apps" / "cli" / "mean_faces.png"
    result = run_in_a_new_home(tmp_path, "predict", picture, "--crops", "--model", model_file, "--json")
    assert result.returncode == 0, result.stderr
    assert [path for path in tmp_path.rglob("*") if path != model_file and path.is_file()] == []


def test_the_engine_is_told_before_it_is_loaded():
    code = (
        "import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from mien.inference.runtime.engine import load_engine\n"
        "load_engine(); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "1"

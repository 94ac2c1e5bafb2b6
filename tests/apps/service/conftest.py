"""The service with tiny models in process, and with the bundled ones as `mien serve` in a process of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the service needs the serve extra")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have a successor of httpx that few have yet
    from starlette.testclient import TestClient

from mien.apps.service.app import create_app
from mien.apps.service.settings import ServiceSettings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable of whoever runs the tests set anything."""
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(f"MIEN_{name.upper()}", raising=False)


@pytest.fixture(scope="session")
def make_settings(model_file: Path, detector_file: Path) -> Callable[..., ServiceSettings]:
    """`make_settings(**changes)`: tiny models; the detector finds a sure and a doubtful face in every picture."""

    def make(**changes: object) -> ServiceSettings:
        tiny = {"model": str(model_file), "detector": str(detector_file), "readers": 2, "threads": 1}
        return ServiceSettings(**{**tiny, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def png() -> bytes:
    """Return a PNG of 96 x 64 pixels of noise."""
    return encode_picture(np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8))


def encode_picture(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def make_client(make_settings: Callable[..., ServiceSettings]) -> Iterator[Callable[..., TestClient]]:
    """`make_client(**changes)` starts the app with such settings, and returns a client of it, for this test."""
    with ExitStack() as stack:

        def make(**changes: object) -> TestClient:
            app = create_app(make_settings(**changes))
            return stack.enter_context(TestClient(app, base_url="http://localhost", raise_server_exceptions=False))

        yield make


@pytest.fixture(scope="module")
def client(make_settings: Callable[..., ServiceSettings]) -> Iterator[TestClient]:
    """Return a client of the app with tiny models and nothing else set; for all tests of a file."""
    with TestClient(create_app(make_settings()), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@dataclass
class Running:
    """A `mien serve` that runs."""

    process: subprocess.Popen[str]
    address: str
    log: Path
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rpartition(":")[2])

    def ask(self, **options: object) -> httpx.Client:
        """Return a client of it."""
        given = {"base_url": self.address, "headers": self.headers, "timeout": 30.0, **options}
        return httpx.Client(**given)  # type: ignore[arg-type]

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal, and return the status it ends with."""
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Running]]:
    """`start_server(*flags, **variables)` runs `mien serve` on a free port until the file's tests are done."""
    started: list[Running] = []

    def start(*flags: str, **variables: object) -> Running:
        log = tmp_path_factory.mktemp("served") / "stderr"
        ours = {f"MIEN_{name.upper()}" for name in ServiceSettings.model_fields}
        clean = {name: value for name, value in os.environ.items() if name not in ours}
        environment = clean | {name: str(value) for name, value in variables.items()}
        command = [sys.executable, "-m", "mien", "serve", "--port", "0", *flags]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment | {"PYTHONUNBUFFERED": "1"}
            )
        assert process.stdout is not None
        found = re.search(r"http://\S+/", process.stdout.readline())
        assert found, log.read_text()
        token = variables.get("MIEN_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        running = Running(process, found[0], log, headers)
        started.append(running)
        _wait_until_ready(running)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
        try:
            running.process.wait(20)
        except subprocess.TimeoutExpired:
            running.process.kill()
        if running.process.stdout is not None:
            running.process.stdout.close()


def _wait_until_ready(running: Running) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if running.process.poll() is not None:
            raise AssertionError(running.log.read_text())
        try:
            if httpx.get(running.address + "ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the service did not become ready")

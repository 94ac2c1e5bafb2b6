"""What `mien serve` does: one process or several that answer, safe unless told otherwise."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any, Final

from rich.console import Console
from rich.text import Text
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from mien.apps.service.app import create_app
from mien.apps.service.browser_runtime import find_runtime, tell_install
from mien.apps.service.connections import Connection
from mien.apps.service.engine import open_models
from mien.apps.service.live.connection import LiveConnection
from mien.apps.service.metrics import FOLDER
from mien.apps.service.settings import ServiceSettings, is_loopback, load_settings
from mien.core.errors import InputError
from mien.inference.recognizer import Recognizer

APP: Final = "mien.apps.service.worker:create_worker_app"
"""What each of several workers calls."""

LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "mien.service": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "uvicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        "python_multipart": {"level": "CRITICAL"},  # its warnings quote what a client sent
    },
}
"""One line a request on standard error; nothing of what was sent."""

_BACKLOG: Final = 2048

_WORKER_START_S: Final = 30
"""A worker that doesn't answer for so long is replaced: on a slow machine it takes more than uvicorn's 5 s to begin."""


def run_service(given: Mapping[str, Any]) -> int:
    """Run the service until it is told to stop.

    Args:
        given: By a setting's name its value; None means not given.

    Returns:
        0, or 1 if it could not start.

    Raises:
        InputError: If a setting can't be used, or the address is none that can be listened on.
        ModelError: If a model can't be opened.
    """
    settings = load_settings(given)
    recognizer = open_models(settings)  # whatever is wrong with the models is said here, in one line
    with _listen(settings.host, settings.port) as listener:
        _tell(settings, listener.getsockname()[1])
        if settings.workers == 1:
            return _run_one(settings, recognizer, listener)
        del recognizer  # each worker opens its own
        return _run_several(settings, listener)


def _run_one(settings: ServiceSettings, recognizer: Recognizer, listener: socket.socket) -> int:
    server = Server(_configure(settings, app=create_app(settings, recognizer)))
    try:
        server.run([listener])
    except KeyboardInterrupt:  # uvicorn has finished what it accepted, and hands the signal on
        print("mien: stopped")
    return 0 if server.started else 1


def _run_several(settings: ServiceSettings, listener: socket.socket) -> int:
    """Run workers, which read the settings from the environment and count into files of one folder."""
    os.environ.update(settings.to_environment())
    with tempfile.TemporaryDirectory(prefix="mien-metrics-") as folder:
        os.environ[FOLDER] = folder
        supervisor = Multiprocess(_configure(settings, app=APP, factory=True), [listener])
        supervisor.run()
    print("mien: stopped")
    return 1 if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes) else 0


def _configure(settings: ServiceSettings, **how: Any) -> Config:
    return Config(
        workers=settings.workers,
        http=Connection,
        ws=LiveConnection,
        log_config=LOGGING,
        access_log=False,  # it would hold queries; the app writes its own
        server_header=False,
        proxy_headers=False,  # nothing here depends on who asks
        limit_concurrency=settings.max_connections + 1,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=ceil(settings.drain_s),
        timeout_worker_healthcheck=_WORKER_START_S,
        ws_max_size=settings.live_max_frame_bytes,
        ws_per_message_deflate=False,  # pictures are compressed already
        lifespan="on",
        **how,
    )


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Open the socket before anything is started.

    Raises:
        InputError: If the address is none of this machine's, or another program listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # Only of sockets that name TCP does asyncio switch Nagle's algorithm off: others answer 40 ms late. That is why
        # this isn't `socket.create_server`.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refuse_address(host, port, error) from error
    with listener:
        try:
            if os.name == "posix":  # elsewhere it would share the port with whoever has it
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise _refuse_address(host, port, error) from error
        listener.set_inheritable(True)
        yield listener


def _refuse_address(host: str, port: int, error: OSError) -> InputError:
    return InputError(
        f"nothing can listen on {host} port {port}: {error.strerror or error}. Name another with --port or --host, or "
        "--port 0 for any free port."
    )


def _tell(settings: ServiceSettings, port: int) -> None:
    """Print where it is, who can reach it, and how to put it online safely."""
    console = Console(highlight=False)
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    console.print(Text.assemble("mien is at ", (address, "bold"), "   Ctrl-C stops it"), soft_wrap=True)
    if is_loopback(settings.host):
        who = (
            "Only this machine can reach it. To put it online, stand a proxy with HTTPS before it, name the site in "
            "MIEN_ALLOWED_HOSTS, and set MIEN_TOKEN: docs/guides/deploy.md."
        )
    else:
        who = (
            "Others can reach it with the token, which this connection doesn't hide: stand a proxy with HTTPS before "
            "it. Browsers give a page the camera over HTTPS alone. Names it goes by: MIEN_ALLOWED_HOSTS. See "
            "docs/guides/deploy.md."
        )
    console.print(Text(who, style="dim"), soft_wrap=True)
    if find_runtime(settings) is None:
        console.print(
            Text("The page can read pictures on the device itself, too, once this was run: ", style="dim")
            + Text(tell_install()),
            soft_wrap=True,
        )

"""The service as one ASGI app: settings in, models opened at the start, every route and middleware in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.cors import CORSMiddleware

from mien import __version__
from mien.apps.service import openapi, problems
from mien.apps.service.access import Doorkeeper, SecurityHeaders
from mien.apps.service.bodies import Held
from mien.apps.service.engine import Engine
from mien.apps.service.live import router as live
from mien.apps.service.live.lobby import Lobby
from mien.apps.service.metrics import Metrics
from mien.apps.service.observing import Observer
from mien.apps.service.routes import browser, classify, health, model, page, predict, video
from mien.apps.service.running import Service
from mien.apps.service.settings import ServiceSettings, load_settings
from mien.apps.service.stopping import STATE, Stop, TurnAway
from mien.core.card import FacesCard
from mien.inference.recognizer import Recognizer
from mien.inference.runtime.bundled import read_model

_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI would hand errors with what was sent to OpenTelemetry, and a variable could send them elsewhere."""


def create_app(settings: ServiceSettings | None = None, recognizer: Recognizer | None = None) -> FastAPI:
    """Build the app; models are opened when it is started.

    Args:
        settings: None to read them from the environment, as each of several workers does.
        recognizer: With the models of these settings, where they are open already.

    Raises:
        InputError: If the environment's settings can't be used.
    """
    settings = settings or load_settings()
    metrics, stop = Metrics(), Stop(settings.drain_s)
    app = FastAPI(
        title="mien",
        version=__version__,
        redirect_slashes=False,  # a redirect names http:// behind a proxy: a picture would come again, readable to all
        docs_url=None,  # Swagger's page loads its parts from elsewhere
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        lifespan=partial(_live, settings=settings, metrics=metrics, stop=stop, recognizer=recognizer),
    )
    app.state.settings = settings
    app.openapi = partial(openapi.describe, app)  # type: ignore[method-assign]
    problems.install(app)
    for part in (predict, classify, video, live, model, browser, health, page):
        app.include_router(part.router)
    _wrap(app, settings, metrics, stop)
    return app


@asynccontextmanager
async def _live(
    app: FastAPI, settings: ServiceSettings, metrics: Metrics, stop: Stop, recognizer: Recognizer | None
) -> AsyncIterator[dict[str, Stop]]:
    """Open the models, and at the end finish what was accepted."""
    stop.forget()
    engine = await asyncio.to_thread(
        Engine.open,
        settings,
        recognizer=recognizer,
        on_batch=metrics.batches.observe,
        on_reading=metrics.observe_reading,
        on_waiting=metrics.waiting.set,
    )
    detector = read_model(settings.detector).card.expect(FacesCard)
    app.state.service = Service(settings, engine, metrics, Held(settings.max_held_bytes), Lobby(), detector)
    try:
        yield {STATE: stop}
    finally:
        stop.begin()
        await engine.close(stop.left_s)
        metrics.close()


def _wrap(app: FastAPI, settings: ServiceSettings, metrics: Metrics, stop: Stop) -> None:
    """Put the middlewares around the routes; the last one added is the first to see a request."""
    app.add_middleware(problems.LastResort)
    app.add_middleware(TurnAway, stop=stop)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["*"],  # which ones a route takes, it says itself
            allow_headers=["*"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Doorkeeper, settings=settings)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Observer, metrics=metrics)

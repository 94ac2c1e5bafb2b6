"""What a running service holds, for every request and live connection alike."""

from __future__ import annotations

from dataclasses import dataclass

from mien.apps.service.bodies import Held
from mien.apps.service.engine import Engine
from mien.apps.service.live.lobby import Lobby
from mien.apps.service.metrics import Metrics
from mien.apps.service.settings import ServiceSettings
from mien.core.card import FacesCard


@dataclass(frozen=True, slots=True)
class Service:
    """What every request can rely on, as `request.app.state.service`.

    Attributes:
        settings: As they were when the service was started.
        engine: Reads pictures.
        metrics: Counts.
        held: Counts the bytes of bodies in memory.
        lobby: Counts live connections.
        detector: The card of the model that finds faces.
    """

    settings: ServiceSettings
    engine: Engine
    metrics: Metrics
    held: Held
    lobby: Lobby
    detector: FacesCard

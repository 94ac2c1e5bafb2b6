"""What the service runs, and what it takes: the models' cards, and the limits."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from mien.apps.service.access import Token
from mien.apps.service.problems import responses
from mien.apps.service.schemas import LimitsAnswer
from mien.apps.service.settings import ServiceSettings
from mien.core.card import ExpressionCard, FacesCard

router = APIRouter(prefix="/v1", tags=["about"], dependencies=[Token])

_PROBLEMS = responses("unauthorized", "forbidden_host", "draining", "internal")


@router.get(
    "/model", operation_id="get_model", summary="The card of the model that tells expressions", responses=_PROBLEMS
)
async def get_model(request: Request) -> ExpressionCard:
    """Return what the model says of itself: its labels, what it was trained on, how it was scored, and its limits."""
    card: ExpressionCard = request.app.state.service.engine.recognizer.card
    return card


@router.get(
    "/model/detector",
    operation_id="get_detector",
    summary="The card of the model that finds faces",
    responses=_PROBLEMS,
)
async def get_detector(request: Request) -> FacesCard:
    """Return what the detector says of itself."""
    card: FacesCard = request.app.state.service.detector
    return card


@router.get("/limits", operation_id="get_limits", summary="What the service takes", responses=_PROBLEMS)
async def get_limits(request: Request) -> LimitsAnswer:
    """Return the limits that a client can keep to."""
    return describe_limits(request.app.state.service.settings)


def describe_limits(settings: ServiceSettings) -> LimitsAnswer:
    """Return those settings that concern a client."""
    values: dict[str, Any] = {name: getattr(settings, name) for name in LimitsAnswer.model_fields}
    return LimitsAnswer(**values)

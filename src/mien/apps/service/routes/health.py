"""For whoever watches over the service: is it alive, does it take pictures, and what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from mien.apps.service import metrics
from mien.apps.service.access import Token
from mien.apps.service.problems import Refusal, responses
from mien.apps.service.schemas import HealthAnswer, ReadyAnswer

router = APIRouter(tags=["operation"])

_PROBLEMS = responses("forbidden_host", "internal")
_SOON = {"Retry-After": "1"}


@router.head("/health", include_in_schema=False)  # monitors ask so
@router.get("/health", operation_id="get_health", summary="Whether the process is alive", responses=_PROBLEMS)
async def get_health() -> HealthAnswer:
    """Answer at once, without a token and without asking the models."""
    return HealthAnswer(status="ok")


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    operation_id="get_ready",
    summary="Whether it takes pictures just now",
    responses=responses("starting", "busy", "draining", "forbidden_host", "internal"),
)
async def get_ready(request: Request) -> ReadyAnswer:
    """Answer 200 if pictures are taken, else 503; a load balancer sends them elsewhere then.

    Raises:
        Refusal: `starting` or `busy`; `draining` is said by `mien.apps.service.stopping`.
    """
    service = getattr(request.app.state, "service", None)
    if service is None:
        raise Refusal("starting", "the models are being opened. Try again in 1 s.", headers=_SOON)
    waiting, most = service.engine.admission.waiting, service.settings.max_waiting
    if waiting >= most:
        raise Refusal("busy", f"{waiting} pictures wait, at most {most} may. Try again in 1 s.", headers=_SOON)
    return ReadyAnswer(status="ready")


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Counters for Prometheus",
    dependencies=[Token],
    response_class=Response,
    responses={
        200: {"description": "Prometheus' text form", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **responses("unauthorized", "forbidden_host", "internal"),
    },
)
def get_metrics(request: Request) -> Response:
    """Return what was counted, of all workers together."""
    return Response(request.app.state.service.metrics.write(), media_type=metrics.MEDIA_TYPE)

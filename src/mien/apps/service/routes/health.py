"""For whoever watches over the service: is it alive, does it take pictures, and what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from mien.apps.service import metrics
from mien.apps.service.access import Token
from mien.apps.service.problems import responses
from mien.apps.service.schemas import HealthAnswer, ReadyAnswer

router = APIRouter(tags=["operation"])

_PROBLEMS = responses("forbidden_host", "internal")


@router.get("/health", operation_id="get_health", summary="Whether the process is alive", responses=_PROBLEMS)
async def get_health() -> HealthAnswer:
    """Answer at once, without a token and without asking the models."""
    return HealthAnswer(status="ok")


@router.get(
    "/ready",
    operation_id="get_ready",
    summary="Whether it takes pictures just now",
    responses={503: {"model": ReadyAnswer, "description": "Not just now"}, **_PROBLEMS},
)
async def get_ready(request: Request, response: Response) -> ReadyAnswer:
    """Answer 200 if pictures are taken, else 503; a load balancer sends them elsewhere then."""
    service = getattr(request.app.state, "service", None)
    if service is None:
        answer = ReadyAnswer(status="starting")
    elif not service.engine.is_ready:
        answer = ReadyAnswer(status="draining")
    elif service.engine.waiting >= service.settings.max_waiting:
        answer = ReadyAnswer(status="busy")
    else:
        answer = ReadyAnswer(status="ready")
    response.status_code = 200 if answer.status == "ready" else 503
    return answer


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

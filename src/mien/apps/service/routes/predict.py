"""`POST /v1/predict`: the faces in pictures, and the expression of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from mien.apps.service.access import Token
from mien.apps.service.bodies import PictureUploads
from mien.apps.service.problems import responses
from mien.apps.service.routes.answering import EXAMPLES, PROBLEMS, answer_pictures, describe_body
from mien.apps.service.schemas import PicturesAnswer

MAX_SIDE_PX = 2048
"""How large a picture a client may let faces be looked for in: time grows with the square, 2048 takes 10 times 640."""

router = APIRouter(prefix="/v1", tags=["pictures"], dependencies=[Token])


class SearchQuery(BaseModel):
    """How to look for faces; JSON's null, which None would stand for in the schema, can't be sent in a query."""

    model_config = ConfigDict(extra="forbid")

    min_score: Annotated[float | None, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})] = Field(
        None,
        ge=0,
        le=1,
        description="Score from which on a detection is shown; lower finds more faces, and more that are none. Left "
        "out: the detector's own.",
        allow_inf_nan=False,
    )
    max_side_px: Annotated[int | None, WithJsonSchema({"type": "integer", "minimum": 32, "maximum": MAX_SIDE_PX})] = (
        Field(
            None,
            ge=32,
            le=MAX_SIDE_PX,
            description="Larger pictures are scaled down to this longer side before faces are looked for. Larger finds "
            "smaller faces and takes longer. Left out: the detector's own.",
        )
    )


@router.post(
    "/predict",
    operation_id="predict",
    summary="Find faces, and name their apparent expressions",
    response_model=PicturesAnswer,
    responses={200: EXAMPLES, **responses(*PROBLEMS)},
    openapi_extra=describe_body(),
)
async def predict(request: Request, query: Annotated[SearchQuery, Query()], uploads: PictureUploads) -> Response:
    """Find the faces in pictures.

    Pictures come as a form's parts named `files`, as one raw body, or as base64 in JSON. One that can't be read carries
    its error, the others their faces; only if none can be read the whole answer is a problem. Nothing is stored.
    """
    return await answer_pictures(request, uploads, min_score=query.min_score, max_side_px=query.max_side_px)

"""`POST /v1/classify`: pictures that are one face each, cut out already."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from mien.apps.service.access import Token
from mien.apps.service.bodies import PictureUploads
from mien.apps.service.problems import responses
from mien.apps.service.routes.answering import EXAMPLES, PROBLEMS, answer_pictures, describe_body
from mien.apps.service.schemas import PicturesAnswer

router = APIRouter(prefix="/v1", tags=["pictures"], dependencies=[Token])


class NoQuery(BaseModel):
    """Nothing can be asked."""

    model_config = ConfigDict(extra="forbid")


@router.post(
    "/classify",
    operation_id="classify",
    summary="Name the apparent expressions of cropped faces",
    response_model=PicturesAnswer,
    responses={200: EXAMPLES, **responses(*PROBLEMS)},
    openapi_extra=describe_body(),
)
async def classify(request: Request, _query: Annotated[NoQuery, Query()], uploads: PictureUploads) -> Response:
    """Take each whole picture for one face: nothing is looked for, so that score and landmarks are null.

    Bodies are those of `POST /v1/predict`. A crop should frame the face as the model's card says (`GET /v1/model`).
    """
    return await answer_pictures(request, uploads, crops=True)

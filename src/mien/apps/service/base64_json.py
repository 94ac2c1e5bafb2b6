"""Pictures as base64 in JSON, taken apart strictly and without building what no picture needs."""

from __future__ import annotations

import base64
import binascii

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mien.apps.service.problems import Refusal, wrong_fields


class Base64Pictures(BaseModel):
    """Pictures as base64 in JSON: either `image` or `images`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["image"]}, {"required": ["images"]}],
            "examples": [{"image": "iVBORw0KGgoAAAANSUhEUg=="}],
        },
    )

    image: str = Field("", description="One picture's file as base64 (RFC 4648), without line breaks.")
    images: list[str] = Field([], description="Several of them.", min_length=1)

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Base64Pictures:
        if len(self.model_fields_set) != 1:
            raise ValueError("give either image, a string, or images, a list of strings")
        return self


def decode_json(body: bytes, max_files: int) -> list[bytes]:
    """Return the files of a JSON body; base64 is taken strictly.

    Args:
        body: The whole of it.
        max_files: Pictures it may have.

    Raises:
        Refusal: `bad_input` or `too_many`.
    """
    # No base64 holds these: whoever sends many of them would have the parser build millions of empty values.
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > 4 * max_files + 64:
        raise Refusal("bad_input", "the JSON body holds far more values than its pictures. Send image or images alone.")
    try:
        given = Base64Pictures.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise wrong_fields([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    is_one = "image" in given.model_fields_set
    texts = [given.image] if is_one else given.images
    if len(texts) > max_files:
        raise Refusal("too_many", f"a request may hold {max_files} pictures, got {len(texts)}.")
    return [_decode_base64(text, "image" if is_one else f"images.{n}") for n, text in enumerate(texts)]


def _decode_base64(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        hint = " Leave out what stands before the comma." if text[:5].lower() == "data:" else ""
        message = f"this is no base64 (A-Z, a-z, 0-9, +, /, filled up with =; no line breaks).{hint}"
        raise wrong_fields([{"loc": ("body", place), "msg": message}]) from None

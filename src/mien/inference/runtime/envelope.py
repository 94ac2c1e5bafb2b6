"""The model card inside the bytes of an ONNX file: read, written and checked without the `onnx` package.

An ONNX file is one `ModelProto`; its `metadata_props` are text under text keys. The card stands there as JSON beside
its own hash, and holds the hash of everything else in the file, so that both a card and a graph changed later are
noticed. The hashes find accidents and hand edits; they are no signature, and don't prove who made a file.

Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, StringStringEntryProto)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from mien.core.card import ExpressionCard, FacesCard, ModelCard
from mien.core.errors import CardError, ModelError
from mien.inference.runtime.wire import LENGTH_DELIMITED, Field, encode_field, walk_fields

CARD_KEY = "mien.card"
CARD_HASH_KEY = "mien.card.sha256"

_GRAPH = 7
_METADATA = 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


def hash_graph(data: bytes) -> str:
    """Return the SHA-256 of a model's bytes without its metadata, so that writing a card doesn't change it.

    Args:
        data: A whole .onnx file.

    Returns:
        64 hexadecimal digits.

    Raises:
        ModelError: If `data` is no ONNX file, or not a whole one.
    """
    digest = hashlib.sha256()
    for field in _fields(data):
        if field.number != _METADATA:
            digest.update(field.whole)
    return digest.hexdigest()


def read_metadata(data: bytes) -> dict[str, str]:
    """Return all metadata of a model, in the order it stands in the file.

    Raises:
        ModelError: If `data` is no ONNX file, or its metadata is no text.
    """
    metadata: dict[str, str] = {}
    for field in _fields(data):
        if field.number == _METADATA and field.wire_type == LENGTH_DELIMITED:
            entry = {part.number: bytes(part.value) for part in walk_fields(field.value)}
            try:
                metadata[entry.get(_ENTRY_KEY, b"").decode()] = entry.get(_ENTRY_VALUE, b"").decode()
            except UnicodeDecodeError as error:
                raise ModelError(f"the file's metadata is no UTF-8 text ({error}). Export the model again.") from None
    return metadata


def write_metadata(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return the model with this metadata in the place of its old; every other byte stays as it is.

    Raises:
        ModelError: If `data` is no ONNX file.
    """
    kept = [field.whole for field in _fields(data) if field.number != _METADATA]
    written = [
        encode_field(_METADATA, encode_field(_ENTRY_KEY, key.encode()) + encode_field(_ENTRY_VALUE, value.encode()))
        for key, value in metadata.items()
    ]
    return b"".join([*kept, *written])


def read_card(data: bytes) -> ExpressionCard | FacesCard:
    """Return the card of a model whose card and graph are as they were exported.

    Raises:
        ModelError: If `data` is no ONNX file, or not a whole one.
        CardError: If the card is missing, not valid, of another version, was changed, or belongs to another graph.
    """
    metadata = read_metadata(data)
    if CARD_KEY not in metadata or CARD_HASH_KEY not in metadata:
        raise CardError(
            "the file holds no model card, so `mien export` did not write it. "
            "Make one with: mien export RUN --out MODEL.onnx"
        )
    text = metadata[CARD_KEY]
    if _hash_text(text) != metadata[CARD_HASH_KEY]:
        raise CardError("the model card was changed after it was written: its hash differs. Export the model again.")
    card = ModelCard.from_json(text)
    _check_graph(card, data)
    return card


def write_card(data: bytes, card: ModelCard) -> bytes:
    """Return the model with this card in the place of its old one; other metadata stays.

    Args:
        data: A whole .onnx file.
        card: With `graph_sha256` as `hash_graph(data)` gives it.

    Raises:
        ModelError: If `data` is no ONNX file.
        CardError: If the card belongs to another graph.
    """
    _check_graph(card, data)
    text = card.to_json()
    return write_metadata(data, {**read_metadata(data), CARD_KEY: text, CARD_HASH_KEY: _hash_text(text)})


def _check_graph(card: ModelCard, data: bytes) -> None:
    found = hash_graph(data)
    if found != card.graph_sha256:
        raise CardError(
            f"the graph is not the one its card describes: its hash is {found[:12]}..., the card says "
            f"{card.graph_sha256[:12]}... The file was changed or damaged: export the model again."
        )


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fields(data: bytes) -> list[Field]:
    """Return the fields of the file, having made sure that it holds a graph."""
    fields = list(walk_fields(data))
    if not any(field.number == _GRAPH and field.wire_type == LENGTH_DELIMITED for field in fields):
        raise ModelError(
            f"not an ONNX file: its {len(data)} bytes hold no graph. Name a file that `mien export` wrote."
        )
    return fields

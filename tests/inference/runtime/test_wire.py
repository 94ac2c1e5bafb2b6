import pytest

from mien.core.errors import ModelError
from mien.inference.runtime.wire import LENGTH_DELIMITED, encode_field, read_varint, walk_fields


def test_walking_gives_back_every_byte_in_order() -> None:
    message = b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + encode_field(300, b"x" * 200)
    fields = list(walk_fields(message))
    assert [field.number for field in fields] == [1, 2, 3, 300]
    assert b"".join(field.whole for field in fields) == message
    assert (fields[3].wire_type, bytes(fields[3].value)) == (LENGTH_DELIMITED, b"x" * 200)
    assert read_varint(fields[0].value, 0) == (150, 2)


@pytest.mark.parametrize("message", [b"\x08", b"\x08\x96", b"\x11\x00", b"\x0a\x05ab", b"\x0a\xff"])
def test_a_message_that_ends_early_is_refused(message: bytes) -> None:
    with pytest.raises(ModelError, match="not a whole ONNX file"):
        list(walk_fields(message))


@pytest.mark.parametrize("message", [b"\x0b", b"\x0c", b"\x00\x01", b"\x08" + b"\xff" * 11, b"hello"])
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    with pytest.raises(ModelError):
        list(walk_fields(message))

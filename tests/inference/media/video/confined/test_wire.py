"""What goes through the pipes: it comes out as it went in, and a side that lies is not believed."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest

from mien.inference.media.video.confined import wire
from mien.inference.media.video.confined.bounds import Bounds
from mien.inference.media.video.frames import Frame
from mien.inference.media.video.sampling import Sampling


def test_a_request_comes_out_as_it_went_in():
    for sampling in (Sampling(), Sampling(1.5, 2.5, None, 0.2, 12.0), Sampling(every=3)):
        request = wire.Request(123, sampling, Bounds(5, 6, 7.5))
        file = BytesIO()
        wire.write_request(file, request)
        assert wire.read_request(BytesIO(file.getvalue())) == request
        with pytest.raises(wire.BrokenWireError):
            wire.read_request(BytesIO(file.getvalue()[:-1]))


@pytest.mark.parametrize("shape", [(3, 5, 3), (1, 1, 3)])
def test_a_frame_comes_out_as_it_went_in(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    file = BytesIO()
    wire.write_frame(file, Frame(2**40, 1 / 3, pixels), 7)
    whole = file.getvalue()
    given = BytesIO(whole)
    message = wire.read_head(given)
    frame, broken = wire.read_frame(given, message, pixels.size // 3)
    assert (message.kind, frame.index, frame.time_s, broken) == (wire.FRAME, 2**40, 1 / 3, 7)
    assert (frame.pixels == pixels).all()
    assert given.read() == b""
    for cut in (len(whole) - 1, 20, 5):
        given = BytesIO(whole[:cut])
        with pytest.raises(wire.BrokenWireError):
            wire.read_frame(given, wire.read_head(given), pixels.size // 3)


@pytest.mark.parametrize(
    ("width", "height", "size"), [(4, 4, 48), (2**31, 2**31, 48), (0, 5, 0), (2, 2, 13), (2, 2, 2**60)]
)
def test_a_frame_that_cannot_be_takes_no_memory(width, height, size):
    body = struct.pack("<QdIIQ", 0, 0.0, width, height, 0) + bytes(48)
    with pytest.raises(wire.BrokenWireError, match="a frame of"):
        wire.read_frame(BytesIO(body), wire.Message(wire.FRAME, 32 + size), 15)


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff"])
def test_values_that_cannot_be_are_refused(body):
    with pytest.raises(wire.BrokenWireError):
        wire.read_values(BytesIO(body), wire.Message(wire.END, len(body)))
    with pytest.raises(wire.BrokenWireError, match="bytes of JSON"):
        wire.read_values(BytesIO(body), wire.Message(wire.END, 2**40))
    file = BytesIO()
    wire.write_message(file, wire.END, {"broken": 3})
    given = BytesIO(file.getvalue())
    assert wire.read_values(given, wire.read_head(given)) == {"broken": 3}

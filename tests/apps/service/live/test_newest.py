"""Of frames that come faster than they are taken, the newest is kept and the others are counted."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from mien.apps.service.live.newest import Newest


def test_the_newest_is_taken_and_the_others_are_counted():
    async def work():
        newest = Newest()
        for number in range(5):
            newest.put(bytes([number]), float(number))
        assert await newest.take() == (4, b"\x04", 4.0)
        assert newest.dropped == 4
        newest.put(b"next", 9.0)
        assert await newest.take() == (5, b"next", 9.0)
        assert newest.dropped == 4

    asyncio.run(work())


def test_taking_waits_for_the_next():
    async def work():
        newest = Newest()
        taking = asyncio.create_task(newest.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        newest.put(b"1", 1.0)
        assert (await taking).data == b"1"
        again = asyncio.create_task(newest.take())
        await asyncio.sleep(0.01)
        assert not again.done()
        again.cancel()

    asyncio.run(work())


def test_nothing_that_was_taken_or_dropped_is_held():
    async def work():
        newest = Newest()
        old, new = bytearray(10), bytearray(20)
        newest.put(old, 0.0)
        newest.put(new, 1.0)
        await newest.take()
        gc.collect()
        assert sys.getrefcount(old) <= 2
        assert sys.getrefcount(new) <= 2

    asyncio.run(work())

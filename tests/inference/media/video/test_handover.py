"""The queue between the reading thread and the looking one."""

from __future__ import annotations

import threading
import time

import pytest

from mien.inference.media.video.handover import Ended, Handover, Stalled


def test_items_come_in_order_and_then_the_end():
    handover = Handover[int](room=2)
    thread = threading.Thread(target=lambda: ([handover.put(number) for number in range(50)], handover.end()))
    thread.start()
    assert [handover.take() for _ in range(50)] == list(range(50))
    with pytest.raises(Ended):
        handover.take()
    thread.join()
    assert handover.dropped == 0


def test_an_error_comes_after_the_last_item():
    handover = Handover[int](room=2)
    handover.put(1)
    handover.end(RuntimeError("gone"))
    assert handover.take() == 1
    with pytest.raises(RuntimeError, match="gone"):
        handover.take()
    with pytest.raises(Ended):
        handover.take()


def test_the_newest_is_kept_and_the_others_counted():
    handover = Handover[int](room=1, keeps_newest=True)
    assert all(handover.put(number) for number in range(10))
    assert (handover.take(), handover.dropped) == (9, 9)


def test_closing_frees_a_waiting_putter():
    handover = Handover[int](room=1)
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.extend([handover.put(1), handover.put(2)]))
    thread.start()
    time.sleep(0.05)
    assert answers == []  # the second waits
    handover.close()
    thread.join(5)
    assert answers == [True, False]
    with pytest.raises(Ended):
        handover.take()


def test_patience_ends_without_a_sign_of_life():
    handover = Handover[int](room=1)
    begun = time.monotonic()
    with pytest.raises(Stalled):
        handover.take(patience_s=0.1)
    assert time.monotonic() - begun >= 0.1


def test_a_sign_of_life_is_enough():
    handover = Handover[int](room=1)

    def live() -> None:
        for _ in range(6):
            time.sleep(0.1)
            handover.put(None)
        handover.put(7)

    threading.Thread(target=live).start()
    assert handover.take(patience_s=0.45) == 7

"""Threads share batches: nobody waits for company, whoever comes meanwhile goes together, in the order of coming."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mien.apps.service.batching import Batcher, _Turn

SOON_S = 10.0


class Gate:
    """Doubles numbers, holds each batch until it is let through, and remembers the batches."""

    def __init__(self, is_open: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.passes = threading.Semaphore(0)
        self.is_open = is_open
        self.lock = threading.Lock()
        self.inside = 0
        self.most_inside = 0

    def compute(self, items: list[int]) -> list[int]:
        with self.lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self.batches.append(list(items))
        self.begun.release()
        if not self.is_open:
            assert self.passes.acquire(timeout=SOON_S)
        with self.lock:
            self.inside -= 1
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]

    def wait_for_batch(self) -> None:
        assert self.begun.acquire(timeout=SOON_S)


def line_up(batcher, pool, items):
    """Let threads ask one after the other, while a batch is being computed."""
    futures = []
    for item in items:
        futures.append(pool.submit(batcher.ask, item))
        deadline = time.monotonic() + SOON_S
        while not batcher._line or batcher._line[-1].item != item:
            assert time.monotonic() < deadline, f"{item} never came to the line"
            time.sleep(0.001)
    return futures


@pytest.fixture
def pool():
    with ThreadPoolExecutor(32) as pool:
        yield pool


@pytest.fixture
def gate():
    return Gate()


def begin(gate, batcher, pool):
    """Let a first thread compute, alone, until the gate lets it through."""
    first = pool.submit(batcher.ask, 0)
    gate.wait_for_batch()
    return first


def test_who_comes_alone_is_computed_at_once():
    gate = Gate(is_open=True)
    batcher = Batcher(gate.compute, most=4)
    assert [batcher.ask(item) for item in (1, 2, 3)] == [2, 4, 6]
    assert gate.batches == [[1], [2], [3]]


def test_who_comes_meanwhile_goes_together_in_order_and_at_most_a_batch(gate, pool):
    weights = []
    batcher = Batcher(gate.compute, most=4, on_batch=weights.append)
    first = begin(gate, batcher, pool)
    others = line_up(batcher, pool, range(1, 7))
    gate.passes.release(3)
    assert [future.result(SOON_S) for future in [first, *others]] == [0, 2, 4, 6, 8, 10, 12]
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6]]
    assert weights == [1, 4, 2]
    assert gate.most_inside == 1


def test_who_comes_while_the_second_batch_is_computed_stands_behind_those_who_wait(gate, pool):
    batcher = Batcher(gate.compute, most=2)
    futures = [begin(gate, batcher, pool), *line_up(batcher, pool, (1, 2, 3))]
    gate.passes.release()
    gate.wait_for_batch()
    futures += line_up(batcher, pool, (4, 5))
    gate.passes.release(3)
    assert [future.result(SOON_S) for future in futures] == [0, 2, 4, 6, 8, 10]
    assert gate.batches == [[0], [1, 2], [3, 4], [5]]


def test_weights_fill_a_batch_and_one_that_weighs_more_goes_alone(gate, pool):
    batcher = Batcher(gate.compute, most=10, weigh=lambda item: item)
    futures = [begin(gate, batcher, pool), *line_up(batcher, pool, (4, 6, 1, 25, 3, 8))]
    gate.passes.release(9)
    assert [future.result(SOON_S) for future in futures] == [0, 8, 12, 2, 50, 6, 16]
    assert gate.batches == [[0], [4, 6], [1], [25], [3], [8]]  # 3 and 8 don't fit together


def test_an_error_reaches_those_of_its_batch_and_nobody_else(gate, pool):
    weights = []
    batcher = Batcher(gate.compute, most=2, on_batch=weights.append)
    futures = [begin(gate, batcher, pool), *line_up(batcher, pool, (1, 2, 13, 4, 5))]
    gate.passes.release(9)
    ended = [future.exception(SOON_S) or future.result() for future in futures]
    assert [str(one) for one in ended] == ["0", "2", "4", "thirteen", "thirteen", "10"]
    assert weights == [1, 2, 1]  # the batch that failed is not counted
    assert batcher.ask(6) == 12


def test_a_function_that_answers_too_few_fails_for_its_batch(pool):
    batcher = Batcher(lambda items: items[1:], most=4)
    with pytest.raises(ValueError, match="zip"):
        batcher.ask(1)
    with pytest.raises(ValueError, match="zip"):
        batcher.ask(2)


class TornEvent(threading.Event):
    """What a thread waits for when Ctrl-C comes."""

    def __init__(self) -> None:
        super().__init__()
        self.torn = threading.Event()

    def wait(self, timeout=None):
        assert self.torn.wait(SOON_S)
        raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["waiting", "appointed", "appointed alone"])
def test_a_thread_that_is_torn_out_of_the_line_holds_nobody_up(gate, pool, place):
    batcher = Batcher(gate.compute, most=1 if place == "appointed alone" else 8)
    first = begin(gate, batcher, pool)
    turn = _Turn(1, 1)
    turn.woken = TornEvent()
    batcher._line.append(turn)
    (behind,) = line_up(batcher, pool, (2,))
    if place != "waiting":
        gate.passes.release()
        assert threading.Event.wait(turn.woken, SOON_S)
    turn.woken.torn.set()
    with pytest.raises(KeyboardInterrupt):
        batcher._wait(turn)
    gate.is_open = True
    gate.passes.release(2)
    assert (first.result(SOON_S), behind.result(SOON_S)) == (0, 4)
    assert gate.batches == [[0], [2]]
    assert batcher.ask(3) == 6


def test_as_many_batches_are_computed_at_once_as_there_are_lanes(gate, pool):
    batcher = Batcher(gate.compute, most=2, lanes=3)
    futures = []
    for item in range(3):
        futures.append(pool.submit(batcher.ask, item))
        gate.wait_for_batch()
    futures += line_up(batcher, pool, range(3, 8))
    assert gate.most_inside == 3
    gate.passes.release(6)
    assert [future.result(SOON_S) for future in futures] == [2 * item for item in range(8)]
    assert sorted(gate.batches) == [[0], [1], [2], [3, 4], [5, 6], [7]]
    assert gate.most_inside == 3
    assert batcher._free_lanes == 3


@pytest.mark.parametrize("lanes", [1, 3])
def test_many_threads_all_get_their_own_answer_and_nothing_is_left(lanes):
    gate = Gate(is_open=True)
    batcher = Batcher(gate.compute, most=5, lanes=lanes)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(batcher.ask, range(100, 3100)))
    assert answers == [2 * item for item in range(100, 3100)]
    assert gate.most_inside <= lanes
    assert max(map(len, gate.batches)) <= 5
    assert not batcher._line
    assert batcher._free_lanes == lanes

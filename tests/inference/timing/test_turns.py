import pytest

from mien.inference.timing import turns as module
from mien.inference.timing.turns import MAX_CALLS, plan_calls, take_turns


@pytest.fixture
def make_call(monkeypatch):
    """`make_call(name, seconds, slow_calls)` returns what takes time by a clock of ours; `called` lists the calls."""
    clock, called = [0.0], []
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])

    def make(name, seconds, slow_calls=0):
        def call():
            called.append(name)
            clock[0] += seconds * (100 if called.count(name) <= slow_calls else 1)

        return call

    make.called = called
    return make


def test_contenders_take_turns_and_their_first_ones_do_not_count(make_call):
    seconds = take_turns({"a": make_call("a", 1.0, slow_calls=4), "b": make_call("b", 3.0, slow_calls=4)}, 2, 3)
    assert seconds == {"a": [1.0] * 6, "b": [3.0] * 6}
    assert make_call.called == 3 * (["a"] * 4 + ["b"] * 4)


def test_each_may_have_its_own_number_of_calls(make_call):
    seconds = take_turns({"a": make_call("a", 1.0), "b": make_call("b", 3.0)}, 2, {"a": 1, "b": 4})
    assert {name: len(taken) for name, taken in seconds.items()} == {"a": 2, "b": 8}


def test_the_warm_have_no_turn_that_warms_up(make_call):
    contender = {"a": make_call("a", 1.0, slow_calls=1)}  # the first call of a turn is left out all the same
    assert take_turns(contender, 2, 3, is_warm=True) == {"a": [1.0] * 6}
    assert len(make_call.called) == 8


def test_the_plan_fills_the_time_with_equal_shares(make_call):
    contenders = {"quick": make_call("quick", 1 / 64, slow_calls=1), "slow": make_call("slow", 1 / 8)}
    planned = plan_calls(contenders, 4, seconds=40.0)
    assert planned == {"quick": 4 * 64 - 1, "slow": 4 * 8 - 1}
    make_call.called.clear()
    take_turns(contenders, 4, planned, is_warm=True)
    spent = {name: make_call.called.count(name) * each for name, each in (("quick", 1 / 64), ("slow", 1 / 8))}
    assert spent == {"quick": 16.0, "slow": 16.0}


@pytest.mark.parametrize(("each_s", "wanted"), [(50.0, 1), (0.0, MAX_CALLS), (1e-9, MAX_CALLS)])
def test_the_plan_has_bounds(make_call, each_s, wanted):
    assert plan_calls({"a": make_call("a", each_s)}, 5, seconds=5.0) == {"a": wanted}


def test_slow_contenders_are_tried_once(make_call):
    plan_calls({"a": make_call("a", 50.0)}, 5, seconds=5.0)
    assert len(make_call.called) == 2

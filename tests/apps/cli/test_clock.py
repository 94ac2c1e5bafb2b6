"""Times and rates as people write them."""

import pytest

from mien.apps.cli.clock import Every, parse_every, parse_time, show_time
from mien.core.errors import InputError


@pytest.mark.parametrize(
    ("text", "every"),
    [("5", Every(frames=5)), ("1", Every(frames=1)), ("0.5s", Every(seconds=0.5)), ("2s", Every(seconds=2.0))],
)
def test_how_often_to_look(text, every) -> None:
    assert parse_every(text) == every


@pytest.mark.parametrize("text", ["", "s", "0", "-1", "0s", "-1s", "nans", "infs", "1.5", "5 frames"])
def test_a_rate_that_is_none_is_refused(text) -> None:
    with pytest.raises(InputError, match=r"such as 0\.5s; got"):
        parse_every(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("90.5", 90.5), ("1:30", 90), ("1:02.5", 62.5), ("1:02:03.5", 3723.5), ("100:00", 6000)],
)
def test_a_time(text, seconds) -> None:
    assert parse_time(text, "--start") == seconds


@pytest.mark.parametrize(
    "text", ["", ":", "1:", ":30", "1:60", "1:60:00", "-1", "-1:30", "nan", "inf", "1:2:3:4", "x", "1:-5"]
)
def test_a_time_that_is_none_is_refused(text) -> None:
    with pytest.raises(InputError, match="--end takes seconds"):
        parse_time(text, "--end")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.0"), (9.96, "0:10.0"), (59.96, "1:00.0"), (62.54, "1:02.5"), (3723.5, "1:02:03.5")]
)
def test_a_time_as_it_is_shown(seconds, text) -> None:
    assert show_time(seconds) == text
    assert parse_time(text, "--start") == pytest.approx(seconds, abs=0.051)

"""Group mode as people use it: six people before the camera or on a clip, read by the server and on the device."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")
playwright = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
expect = playwright.expect

Watch = Callable[..., Any]
WORD = re.compile(r"^Looks (rather pleasant|rather unpleasant|neither pleasant nor unpleasant)\.$")
SHARES = "Array.from(document.querySelectorAll('#together .share'), (share) => parseInt(share.textContent))"
IS_CLEAR = "(id) => { const c = document.getElementById(id); return !c.width || !c.getContext('2d')"
IS_CLEAR += ".getImageData(0, 0, c.width, c.height).data.some((value) => value > 0) }"
RUNS = "[...document.querySelectorAll('.run')].map((run) => ({ word: run.title, left: parseFloat(run.style.left), "
RUNS += "width: parseFloat(run.style.width) }))"
SLOW_MS = 180_000
"""Loading the models, and one stretch of time."""


@pytest.fixture(scope="module")
def camera_film(crowd_film: Path) -> Path:
    """Return what the camera shows in this file."""
    return crowd_film


def choose(page: Any, where: str) -> None:
    """Choose group mode, and where it is computed."""
    if where == "On this device":
        if not page.locator("#where").is_visible():
            pytest.skip("onnxruntime-web is not installed; mien serve says how")
        page.get_by_text(where, exact=True).click()
    page.locator("label", has=page.locator("#group")).click()


@pytest.mark.parametrize("where", ["On the server", "On this device"])
def test_six_before_the_camera_are_told_of_together(served: Any, watch: Watch, where: str) -> None:
    watched = watch(served.address)
    page = watched.open()
    choose(page, where)
    page.click("#camera-start")
    expect(page.locator("#together")).to_contain_text("The first 5 s are not over", timeout=SLOW_MS)
    expect(page.locator("#together .remark")).to_have_text(WORD, timeout=SLOW_MS)
    expect(page.locator("#reading-count")).to_have_text(re.compile(r"^[56] faces$"))
    shares = page.evaluate(SHARES)
    assert len(shares) == 7
    assert sum(shares) == pytest.approx(100, abs=4)
    expect(page.locator(".person")).to_have_count(0)
    expect(page.locator(".lane .who")).to_have_text("All")
    assert page.evaluate(IS_CLEAR, "camera-overlay")
    expect(page.locator("#live")).to_have_text(re.compile(r"^All together: mostly \w+, \d+ percent\.$"))
    if where == "On this device":
        assert not [url for url in watched.requests if "/v1/live" in url]
    watched.check()


def read_clip(page: Any) -> tuple[list[dict[str, Any]], dict[str, int], int]:
    """Wait until a clip is read; return the bins on its lane, the shares of all of it in percent, and its frames."""
    expect(page.locator("#clip-chip")).to_have_text(re.compile("[Rr]eading"), timeout=SLOW_MS)
    expect(page.locator("#summary")).not_to_contain_text("No stretch")  # none is over yet
    expect(page.locator("#together .remark")).to_have_text(WORD, timeout=SLOW_MS)
    expect(page.locator("#summary .facts")).to_have_text(re.compile(r"^\d+ frames\.$"), timeout=SLOW_MS)
    expect(page.locator("#summary .word")).to_have_text(WORD)
    assert page.evaluate(IS_CLEAR, "clip-overlay")
    shares = [text.split() for text in page.locator("#summary .shares li").all_inner_texts()]
    frames = int(page.locator("#summary .facts").inner_text().split()[0])
    return page.evaluate(RUNS), {label: int(share) for label, share, _ in shares}, frames


def test_a_clip_of_six_is_told_of_on_the_device_as_by_the_server(served: Any, watch: Watch, crowd_clip: Path) -> None:
    watched = watch(served.address)
    page = watched.open()
    choose(page, "On the server")
    page.get_by_role("tab", name="Clip").click()
    page.set_input_files("#clip-input", crowd_clip)
    runs, shares, frames = read_clip(page)
    told, rest = runs
    assert told["word"].startswith("mostly ")
    assert rest["word"] == "too short: 2.0 s of at least 5 s"  # of 12 s; the first bin is a whole one
    assert (told["width"], rest["left"], rest["width"]) == pytest.approx((1000 / 12, 1000 / 12, 200 / 12), abs=0.2)

    if not page.locator("#where").is_visible():
        pytest.skip("onnxruntime-web is not installed; mien serve says how")
    watched.requests.clear()
    page.get_by_text("On this device", exact=True).click()
    here, shares_here, frames_here = read_clip(page)
    assert [one["word"] for one in here[1:]] == [rest["word"]]
    assert here[0]["word"].startswith("mostly ")
    places = [[one["left"], one["width"]] for one in runs]
    assert [[one["left"], one["width"]] for one in here] == [pytest.approx(place, abs=0.2) for place in places]
    assert max(shares_here, key=shares_here.__getitem__) == max(shares, key=shares.__getitem__)
    left_out = 100 * (1 - frames_here / frames)  # beside other work; each can move a share by as much as it is of all
    for label in shares | shares_here:
        assert shares_here.get(label, 0) == pytest.approx(shares.get(label, 0), abs=8 + left_out)
    assert not [url for url in watched.requests if "/v1/video" in url]
    watched.check("416")  # Chromium asks a released clip once more for its end

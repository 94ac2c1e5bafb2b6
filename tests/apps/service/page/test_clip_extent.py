"""How much of a clip the page asks for: all frames of a short one, and what the server reads of a longer one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import mien.apps

pytest.importorskip("fastapi", reason="the service needs the serve extra")
playwright = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
expect = playwright.expect

Watch = Callable[..., Any]
EXTENT = Path(mien.apps.__file__).parent / "service" / "page" / "extent.js"
NODE = shutil.which("node")
LIMITS = {"max_video_s": 120, "max_video_frames": 3600}
CHOOSE = "const { chooseExtent } = await import(process.argv[1]);"
CHOOSE += "console.log(JSON.stringify(chooseExtent(...JSON.parse(process.argv[2]))))"


@pytest.mark.skipif(NODE is None, reason="running the page's modules needs node, from 20 on")
@pytest.mark.parametrize(
    ("duration_s", "limits", "extent"),
    [
        (2, LIMITS, {"max_fps": 1800}),
        (60, LIMITS, {"max_fps": 60}),
        (120, LIMITS, {"max_fps": 30}),
        (120.5, LIMITS, {"end_s": 120, "max_fps": 30}),
        (None, LIMITS, {"end_s": 120, "max_fps": 30}),
        (2, None, {}),
    ],
)
def test_a_whole_clip_is_asked_for_where_the_limits_allow_it(duration_s: Any, limits: Any, extent: Any) -> None:
    command = [str(NODE), "--input-type=module", "--eval", CHOOSE, EXTENT.as_uri(), json.dumps([duration_s, limits])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == extent


def read(watched: Any, clip: Path) -> tuple[Any, dict[str, list[str]]]:
    """Have a clip read; return the page, and what the service was asked."""
    page = watched.open()
    page.get_by_role("tab", name="Clip").click()
    with page.expect_request(lambda request: "/v1/video" in request.url) as asked:
        page.set_input_files("#clip-input", clip)
    return page, parse_qs(urlsplit(asked.value.url).query)


def test_every_frame_of_a_short_fast_clip_is_read(served: Any, watch: Watch, fast_clip: Path) -> None:
    watched = watch(served.address)
    page, query = read(watched, fast_clip)
    assert "end_s" not in query
    assert float(query["max_fps"][0]) == pytest.approx(1800, rel=0.05)
    expect(page.locator("#summary")).to_contain_text("120 frames, 120 with a face", timeout=60_000)
    watched.check("416")  # Chromium asks a released clip once more for its end


def test_a_clip_that_the_browser_cannot_measure_is_read_by_the_limits(
    served: Any, watch: Watch, foreign_clip: Path
) -> None:
    watched = watch(served.address)
    page, query = read(watched, foreign_clip)
    assert (query["end_s"], query["max_fps"]) == (["120"], ["30"])
    expect(page.locator("#clip-plate")).to_contain_text("The server reads it all the same")
    expect(page.locator("#summary")).to_contain_text("60 frames, 60 with a face", timeout=60_000)
    watched.check("416")


def test_a_clip_that_cannot_be_played_is_not_read_on_the_device(served: Any, watch: Watch, foreign_clip: Path) -> None:
    watched = watch(served.address)
    page = watched.open()
    if not page.locator("#where").is_visible():
        pytest.skip("onnxruntime-web is not installed; mien serve says how")
    page.get_by_text("On this device", exact=True).click()
    page.get_by_role("tab", name="Clip").click()
    page.set_input_files("#clip-input", foreign_clip)
    expect(page.locator("#clip-plate")).to_contain_text("A server may be able to read it")
    expect(page.get_by_role("alert")).to_contain_text("have it read on the server", timeout=60_000)
    assert not [url for url in watched.requests if "/v1/video" in url]
    watched.check()

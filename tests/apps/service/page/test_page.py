"""The page as people use it: a real Chromium, `mien serve` with the bundled models, a camera that shows a film."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")
playwright = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
expect = playwright.expect
expect.set_options(timeout=20_000)

Watch = Callable[..., Any]
TOKEN = "a-token-for-tests-1234"
REFUSE = "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', NAME) } }"
IS_DRAWN = "(id) => { const c = document.getElementById(id); return c.width > 0 && c.getContext('2d')"
IS_DRAWN += ".getImageData(0, 0, c.width, c.height).data.some((value) => value > 0) }"


def shares(page: Any) -> list[float]:
    """Return the percentages of the first person's bars."""
    return [float(text.split()[0]) for text in page.locator(".person").first.locator(".share").all_inner_texts()]


def test_the_camera_shows_who_is_there(served: Any, watch: Watch) -> None:
    watched = watch(served.address)
    page = watched.open()
    assert "not stored and not logged" in page.inner_text("#camera-privacy")
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".person .bars li")).to_have_count(7)
    assert sum(shares(page)) == pytest.approx(100, abs=4)
    expect(page.locator(".lane .who")).to_have_text("Person 1")
    assert page.evaluate("scrollY") == 0  # the focus goes to the button below, and the picture stays in view
    expect(page.locator("#pace")).to_have_text(re.compile(r"\d+ ms, (0\.\d|\d+) frames?/s"))
    page.wait_for_function(IS_DRAWN, arg="camera-overlay")
    expect(page.locator("#live")).to_have_text(re.compile(r"Person 1: \w+"))
    page.click("#stop")
    expect(page.locator("#camera-start")).to_be_visible()
    assert page.evaluate("document.getElementById('camera-video').srcObject") is None
    watched.check()


def test_those_who_listen_are_told_at_most_once_in_two_seconds(served: Any, watch: Watch) -> None:
    page = watch(served.address).open()
    page.evaluate("""() => {
      window.told = [];
      new MutationObserver(() => window.told.push(performance.now())).observe(
        document.getElementById("live"), { childList: true, characterData: true, subtree: true });
    }""")
    page.click("#camera-start")
    page.wait_for_timeout(9000)  # the film repeats, and its labels change
    told = page.evaluate("window.told")
    assert told
    assert all(later - earlier > 1900 for earlier, later in pairwise(told))


@pytest.mark.parametrize(
    ("name", "words"),
    [("NotAllowedError", "refused"), ("NotFoundError", "no camera"), ("NotReadableError", "Another program")],
)
def test_a_camera_that_fails_is_told_with_what_to_do(served: Any, watch: Watch, name: str, words: str) -> None:
    watched = watch(served.address)
    page = watched.open()
    page.evaluate(REFUSE.replace("NAME", repr(name)))
    page.click("#camera-start")
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.locator("#camera-start")).to_be_enabled()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    watched.check()


def test_group_mode_tells_of_nobody_alone(served: Any, watch: Watch) -> None:
    watched = watch(served.address)
    page = watched.open()
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    page.locator("label", has=page.locator("#group")).click()
    expect(page.locator(".person")).to_have_count(0)
    expect(page.locator("#together")).to_contain_text("so that nobody is told of alone")
    page.wait_for_function(f"(id) => !({IS_DRAWN})(id)", arg="camera-overlay")
    expect(page.locator(".lane .who")).to_have_text("All")
    watched.check()


def test_several_photos_are_read_and_chosen_from(served: Any, watch: Watch, photos: list[Path]) -> None:
    watched = watch(served.address)
    page = watched.open()
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos)
    expect(page.get_by_role("button", name="one.jpg, 1 face")).to_be_visible()
    expect(page.get_by_role("button", name="none.png, 0 faces")).to_be_visible()
    expect(page.locator(".person")).to_have_count(1)
    page.get_by_role("button", name=re.compile("six.png, [456] faces")).click()
    expect(page.locator(".person")).to_have_count(6)
    page.wait_for_function(IS_DRAWN, arg="photo-overlay")
    page.get_by_role("button", name="none.png").click()
    expect(page.locator(".reading")).to_contain_text("No face was found")
    page.locator("label", has=page.locator("#group")).click()
    expect(page.locator("#together")).to_contain_text("All together")
    expect(page.locator(".person")).to_have_count(0)
    watched.check()


def test_a_photo_can_be_dropped_and_pasted(served: Any, watch: Watch, photos: list[Path]) -> None:
    watched = watch(served.address)
    page = watched.open()
    give = """([bytes, kind, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...options, dataTransfer: data })
        : new ClipboardEvent("paste", { ...options, clipboardData: data }));
    }"""
    content = list(photos[0].read_bytes())
    page.evaluate(give, [content, "drop", "dropped.jpg"])
    expect(page.get_by_role("tab", name="Photo")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".person")).to_have_count(1)
    page.evaluate(give, [content, "paste", "pasted.jpg"])
    expect(page.get_by_role("button", name="pasted.jpg, 1 face")).to_be_visible()
    watched.check()


def test_a_clip_fills_its_lanes_and_its_summary(served: Any, watch: Watch, web_clip: Path) -> None:
    watched = watch(served.address)
    page = watched.open()
    page.get_by_role("tab", name="Clip").click()
    page.set_input_files("#clip-input", web_clip)
    expect(page.locator("#summary")).to_contain_text("120 frames, 120 with a face, 1 person.")
    expect(page.locator("#timeline h2")).to_have_text("Over the clip")
    assert page.locator(".run").count() >= 2
    expect(page.locator(".person")).to_have_count(1)  # the overlay's people, in step with playback
    page.locator(".band").first.click(position={"x": 300, "y": 8})
    page.wait_for_function(IS_DRAWN, arg="clip-overlay")
    page.locator("label", has=page.locator("#group")).click()
    expect(page.locator("#summary")).to_contain_text("Nothing to tell. Too short: 4.0 s of at least 5 s.")
    watched.check("416")  # Chromium asks a released clip once more for its end


def test_what_cannot_be_read_is_said_in_words(served: Any, watch: Watch, tmp_path: Path) -> None:
    watched = watch(served.address)
    page = watched.open()
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", tmp_path / "bad.jpg")
    expect(page.get_by_role("alert")).to_contain_text("can't be read")
    expect(page.get_by_role("alert").locator(".of")).to_have_text("bad.jpg")
    expect(page.locator("#photo-plate")).to_contain_text("bad.jpg")
    page.get_by_role("tab", name="Clip").click()
    (tmp_path / "bad.mp4").write_bytes(b"no clip at all" * 100)
    page.set_input_files("#clip-input", tmp_path / "bad.mp4")
    expect(page.get_by_role("alert")).to_contain_text("can't be read")
    expect(page.get_by_role("alert").locator(".of")).to_have_text("bad.mp4")
    watched.check("422")


def test_too_large_is_said_before_it_is_sent(
    start_server: Callable[..., Any], watch: Watch, photos: list[Path], web_clip: Path
) -> None:
    strict = start_server(MIEN_MAX_PICTURE_BYTES=2048, MIEN_MAX_VIDEO_BYTES=2048)
    watched = watch(strict.address)
    page = watched.open()
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos[0])
    expect(page.get_by_role("alert")).to_contain_text("too large")
    page.get_by_role("tab", name="Clip").click()
    page.set_input_files("#clip-input", web_clip)
    expect(page.get_by_role("alert")).to_contain_text("too large")
    assert not [url for url in watched.requests if "predict" in url or "video" in url]
    watched.check()


def test_a_token_is_asked_for_and_used(start_server: Callable[..., Any], watch: Watch, photos: list[Path]) -> None:
    guarded = start_server(MIEN_TOKEN=TOKEN)
    watched = watch(guarded.address)
    page = watched.open()
    page.fill("#token", "a-wrong-one-of-them")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#token-form")).to_be_hidden()
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos[0])
    expect(page.locator(".person")).to_have_count(1)
    assert TOKEN not in "".join(watched.requests)
    watched.check("401")


def test_the_camera_comes_back_after_the_server(start_server: Callable[..., Any], watch: Watch) -> None:
    first = start_server()
    page = watch(first.address).open()
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    first.stop()
    expect(page.locator("#camera-chip")).to_contain_text("next try in")
    again = subprocess.Popen([sys.executable, "-m", "mien", "serve", "--port", str(first.port)])
    try:
        expect(page.locator("#camera-chip")).to_be_hidden(timeout=60_000)
        expect(page.locator(".person")).to_have_count(1)
    finally:
        again.terminate()
        again.wait(30)


def test_a_server_that_is_gone_is_said_in_words(
    start_server: Callable[..., Any], watch: Watch, photos: list[Path]
) -> None:
    gone = start_server()
    page = watch(gone.address).open()
    gone.stop()
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos[0])
    expect(page.get_by_role("alert")).to_contain_text("doesn't answer")
    expect(page.get_by_role("alert")).to_contain_text("mien serve")


def test_colors_follow_the_system_and_the_button_is_remembered(served: Any, watch: Watch) -> None:
    watched = watch(served.address, color_scheme="dark")
    page = watched.open()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(18, 23, 29)"
    page.get_by_role("button", name="Light colors").click()
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.reload(wait_until="networkidle")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    watched.check()


def test_the_keyboard_alone_reaches_everything(served: Any, watch: Watch) -> None:
    watched = watch(served.address)
    page = watched.open()
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        outline = "(() => { const e = document.activeElement; const s = e.matches('.switch input, .where input') "
        outline += "? e.nextElementSibling : e; return getComputedStyle(s).outlineStyle })()"
        assert page.evaluate(outline) != "none", f"{seen[-1]} has the focus, and nobody can see it"
        if seen[-1] == "mirror":
            break
    order = ["theme", "tab-camera", "camera-start", "smoothing", "group", "mirror"]
    assert [name for name in seen if name in order] == order
    page.focus("#tab-camera")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Photo")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Photo")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Clip")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.focus("#camera-start")
    page.keyboard.press("Enter")
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator("#stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#camera-start")).to_be_focused()
    page.focus("#group")
    page.keyboard.press("Space")
    assert page.get_by_role("switch", name="Group only").is_checked()
    watched.check()


@pytest.mark.parametrize("width", [360, 390, 768, 1024, 1440, 2200])
def test_nothing_reaches_over_the_edge(served: Any, watch: Watch, photos: list[Path], width: int) -> None:
    page = watch(served.address, viewport={"width": width, "height": 800}).open()
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(over) == 0
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    assert page.evaluate(over) == 0
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos)
    expect(page.locator(".person")).to_have_count(1)
    assert page.evaluate(over) == 0


def test_less_motion_is_kept_to(served: Any, watch: Watch) -> None:
    page = watch(served.address, reduced_motion="reduce").open()
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1)
    assert page.evaluate("getComputedStyle(document.querySelector('.person')).animationName") == "none"
    assert page.evaluate("getComputedStyle(document.querySelector('.bars i')).transitionProperty") in ("none", "all")
    assert page.evaluate("getComputedStyle(document.querySelector('.bars i')).transitionDuration") == "0s"


def test_on_this_device_nothing_is_sent(served: Any, watch: Watch, photos: list[Path]) -> None:
    watched = watch(served.address)
    page = watched.open()
    if not page.locator("#where").is_visible():
        pytest.skip("onnxruntime-web is not installed; mien serve says how")
    page.get_by_text("On this device", exact=True).click()
    expect(page.locator("#camera-privacy")).to_contain_text("Nothing is sent")
    page.click("#camera-start")
    expect(page.locator(".person")).to_have_count(1, timeout=60_000)
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", photos[0])
    expect(page.locator(".person")).to_have_count(1)
    assert not [url for url in watched.requests if "/v1/predict" in url or "/v1/live" in url]
    watched.check()


def test_the_models_card_is_shown_with_the_token(start_server: Any, watch: Watch) -> None:
    watched = watch(start_server(MIEN_THREADS=1, MIEN_TOKEN=TOKEN).address)
    page = watched.open()
    page.click("#card")
    expect(page.locator("#token-form")).to_be_visible()
    page.fill("#token", TOKEN)
    page.click("#token-form button")
    expect(page.locator("#token-form")).to_be_hidden()
    page.click("#card")
    page.wait_for_url("blob:**")
    assert '"labels"' in page.content()
    assert watched.errors
    assert all("401" in text for text in watched.errors)

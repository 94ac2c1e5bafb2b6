"""What the page says where there is nothing to show, and where the keyboard's focus goes when what had it is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")
playwright = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
expect = playwright.expect

Watch = Callable[..., Any]
REFUSE = "() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError') } }"
SLOW_MS = 60_000
TOKEN = "a-token-for-tests-1234"


def test_before_anything_was_read_the_page_says_what_to_do(served: Any, watch: Watch) -> None:
    watched = watch(served.address)
    page = watched.open()
    empty = page.locator("#reading-empty")
    for tab, first in (("Camera", "Start the camera."), ("Photo", "Choose a photo,"), ("Clip", "Choose a clip.")):
        page.get_by_role("tab", name=tab).click()
        expect(empty).to_contain_text("Nothing read yet")
        expect(empty).to_contain_text(first)
        expect(empty.get_by_role("list", name="Expressions and their colors").get_by_role("listitem")).to_have_count(7)
        expect(page.locator(".reading .bars")).to_have_count(0)  # a bar would look like a reading
    page.locator("label", has=page.locator("#group")).click()
    expect(empty).to_contain_text("from five people on; nobody is told of alone")
    watched.check()


@pytest.mark.parametrize(("has_touch", "words"), [(False, "Drop or paste photos"), (True, "Take or choose photos")])
def test_a_phone_is_not_told_to_drop_anything(served: Any, watch: Watch, has_touch: bool, words: str) -> None:
    page = watch(served.address, has_touch=has_touch, is_mobile=has_touch).open()
    page.get_by_role("tab", name="Photo").click()
    assert page.inner_text("#photo-idle h2") == words


def test_another_photo_takes_the_notice_of_the_first_one_away(
    served: Any, watch: Watch, photos: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8 no picture")
    watched = watch(served.address)
    page = watched.open()
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", [photos[0], bad])
    expect(page.locator(".person")).to_have_count(1, timeout=SLOW_MS)
    page.get_by_role("button", name="bad.jpg, not read").click()
    expect(page.get_by_role("alert")).to_contain_text("can't be read")
    expect(page.get_by_role("button", name="Choose another")).to_be_visible()  # another try would fail as well
    expect(page.locator("#photo-plate")).to_contain_text("bad.jpg")
    page.get_by_role("button", name="one.jpg, 1 face").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("#photo-plate")).to_be_hidden()
    expect(page.locator("#photo-image")).to_be_visible()
    watched.check("422")


def test_photos_that_lacked_the_token_are_read_with_it_and_asked_for_once(
    start_server: Callable[..., Any], watch: Watch, photos: list[Path]
) -> None:
    watched = watch(start_server(MIEN_TOKEN=TOKEN).address)
    page = watched.open()
    page.get_by_role("tab", name="Photo").click()
    page.set_input_files("#photo-input", [photos[0], photos[2]])
    expect(page.get_by_role("button", name="none.png, not read")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#token-form")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)  # the form asks already
    page.fill("#token", TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="one.jpg, 1 face")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("button", name="none.png, 0 faces")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#live")).to_contain_text("one.jpg: 1 face.")
    page.click("#stop")
    expect(page.locator("#live")).to_be_empty()
    watched.check("401")


def test_a_clip_that_nobody_can_read_is_not_said_to_be_read(served: Any, watch: Watch, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no clip at all" * 100)
    page = watch(served.address).open()
    page.get_by_role("tab", name="Clip").click()
    page.set_input_files("#clip-input", bad)
    expect(page.locator("#clip-plate")).to_contain_text("The server did not read it either", timeout=SLOW_MS)


def test_the_focus_goes_on_where_its_button_is_gone(
    served: Any, watch: Watch, photos: list[Path], web_clip: Path
) -> None:
    page = watch(served.address).open()
    for name, file in (("photo", photos[0]), ("clip", web_clip)):
        page.get_by_role("tab", name=name.title()).click()
        page.focus(f"#{name}-choose")
        page.set_input_files(f"#{name}-input", file)
        expect(page.locator("#again")).to_be_focused()
    page.get_by_role("tab", name="Camera").click()
    page.evaluate(REFUSE)
    page.click("#camera-start")
    page.get_by_role("button", name="Close this notice").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#work")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#camera-start")).to_be_focused()

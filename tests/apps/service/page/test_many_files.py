"""Several files at once, and several faces in one photo: nothing is lost without a word, no label hides another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")
playwright = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
expect = playwright.expect
expect.set_options(timeout=20_000)

Watch = Callable[..., Any]

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, type, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name, { type }));
  document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data }));
}"""

PLACE = """async ([label, box, taken, faces, stage, before]) => {
  const { placeLabel } = await import("/page/labels.js");
  return placeLabel({ width: label[0], height: label[1] }, box, taken, faces, stage, before);
}"""


def share(one: list[float], other: list[float]) -> float:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)


def test_files_that_are_not_read_are_named(served: Any, watch: Watch, photos: list[Path]) -> None:
    watched = watch(served.address)
    page = watched.open()
    photo, text = list(photos[0].read_bytes()), list(b"no photo")
    page.evaluate(
        DROP, [["notes.txt", "text/plain", text], ["one.jpg", "image/jpeg", photo], ["fake.jpg", "image/jpeg", text]]
    )
    expect(page.locator(".notice")).to_contain_text("2 of 3 files were not read.")
    expect(page.locator(".notice")).to_contain_text("“fake.jpg”, “notes.txt”. Photos are read together")
    expect(page.get_by_role("button", name="one.jpg, 1 face")).to_be_visible()
    page.get_by_role("button", name="fake.jpg").click()
    expect(page.locator(".notice")).not_to_contain_text("of 3 files")
    page.get_by_role("button", name="Clear").click()
    page.evaluate(DROP, [["again.jpg", "image/jpeg", photo]])
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".notice")).to_have_count(0)
    watched.check("415", "422")


def test_a_clip_takes_the_stage_alone_and_says_so(served: Any, watch: Watch, web_clip: Path) -> None:
    watched = watch(served.address)
    page = watched.open()
    clip = list(web_clip.read_bytes())
    page.evaluate(DROP, [["one.mp4", "video/mp4", clip], ["two.mp4", "video/mp4", clip]])
    expect(page.locator(".notice")).to_contain_text("1 of 2 files was not read.")
    expect(page.locator(".notice")).to_contain_text("“two.mp4”")


def test_labels_of_neighbors_stand_where_they_hide_nothing(served: Any, watch: Watch) -> None:
    page = watch(served.address).open()
    stage = [390, 300]
    boxes = [[40, 100, 60, 70], [110, 96, 60, 70], [75, 20, 60, 70], [330, 120, 58, 70]]  # three heads in a cluster
    taken: list[list[float]] = []
    for number, box in enumerate(boxes):
        others = [other for other in boxes if other is not box]
        found = page.evaluate(PLACE, [[84, 20], box, taken, boxes, stage, 0])["box"]
        assert 0 <= found[0] <= stage[0] - 84
        assert 0 <= found[1] <= stage[1] - 20
        assert sum(share(found, other) for other in others) < 0.35 * 84 * 20, number
        taken.append(found)
    assert all(share(one, other) < 0.05 * 84 * 20 for one, other in combinations(taken, 2))


def test_a_label_stands_above_its_face_where_it_can_and_comes_back_there(served: Any, watch: Watch) -> None:
    page = watch(served.address).open()
    box, stage = [100, 100, 60, 70], [390, 300]
    assert page.evaluate(PLACE, [[84, 20], box, [], [box], stage, 0]) == {"box": [100, 74, 84, 20], "place": 0}
    hidden = page.evaluate(PLACE, [[84, 20], box, [[100, 74, 84, 20]], [box], stage, 0])
    assert share(hidden["box"], [100, 74, 84, 20]) == 0
    assert page.evaluate(PLACE, [[84, 20], box, [], [box], stage, hidden["place"]])["place"] == 0
    slightly = [100, 59, 84, 15.3]  # covers 1.5 %: who stands there already stays, who comes goes elsewhere
    assert page.evaluate(PLACE, [[84, 20], box, [slightly], [box], stage, 0])["place"] == 0
    assert page.evaluate(PLACE, [[84, 20], box, [slightly], [box], stage, 2])["place"] != 0

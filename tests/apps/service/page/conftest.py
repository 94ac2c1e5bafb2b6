"""A real Chromium whose camera shows a film, and a page of `mien serve` that is watched for requests and errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

CHROMIUM = os.environ.get("MIEN_CHROMIUM") or shutil.which("chromium")

WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@dataclass
class Watched:
    """A page, and all it asked for and complained of.

    Attributes:
        page: Playwright's.
        address: Of the service.
        requests: Addresses it asked for.
        errors: What stood on its console as an error, and exceptions.
    """

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self) -> Any:
        """Go to the page, and return it."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.add_init_script(WATCH_POLICY)
        self.page.goto(self.address, wait_until="networkidle")
        return self.page

    def check(self, *expected: str) -> None:
        """Fail if the page asked elsewhere, broke the policy, or complained of something that isn't expected."""
        own = (self.address, self.address.replace("http", "ws", 1), "blob:", "data:")
        assert [url for url in self.requests if not url.startswith(own)] == []
        assert self.page.evaluate("window.violations") == []
        assert [text for text in self.errors if not any(part in text for part in expected)] == []


@pytest.fixture(scope="module")
def camera_film(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the film of a talking man as a camera's: Motion JPEG, 640 x 480."""
    path = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    return _write(_decode(real_clip), path, "mjpeg", (640, 480, "yuvj420p"), 20, options={"qmin": "2", "qmax": "5"})


@pytest.fixture(scope="module")
def crowd_film(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of 12 s as a camera's, in which six people talk: the same man at six times."""
    path = tmp_path_factory.mktemp("crowd") / "film.mjpeg"
    return _write(_gather(real_clip), path, "mjpeg", (1056, 576, "yuvj420p"), 10, options={"qmin": "2", "qmax": "5"})


@pytest.fixture(scope="module")
def crowd_clip(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return every other frame of the same film, 12 s of 60 frames, as MP4."""
    path = tmp_path_factory.mktemp("crowd") / "six.mp4"
    return _write(islice(_gather(real_clip), 0, None, 2), path, "libx264", (704, 384, "yuv420p"), rate=5)


@pytest.fixture(scope="module")
def film_browser(camera_film: Path) -> Iterator[Any]:
    """Return a Chromium whose camera shows the film to whoever asks."""
    programs = pytest.importorskip("playwright.sync_api", reason="clicking through the page needs the dev extra")
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium, or MIEN_CHROMIUM")
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera_film}",
    ]
    with programs.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def served(start_server: Callable[..., Any]) -> Any:
    """Return a running `mien serve` without a token."""
    return start_server(MIEN_THREADS=1)


@pytest.fixture
def watch(film_browser: Any) -> Iterator[Callable[..., Watched]]:
    """`watch(address, **context)` makes a page in a context of its own, desktop size unless told otherwise."""
    contexts = []

    def make(address: str, **options: Any) -> Watched:
        given = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "no-preference", **options}
        context = film_browser.new_context(**given)
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Watched(context.new_page(), address)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def photos(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return three photos: one face, six faces, none."""
    av = pytest.importorskip("av", reason="taking frames of a film needs the video extra")
    folder = tmp_path_factory.mktemp("photos")
    with av.open(str(real_clip)) as film:
        pixels = next(film.decode(video=0)).to_ndarray(format="rgb24")
    one = Image.fromarray(pixels).resize((704, 576), Image.Resampling.LANCZOS)
    row = np.concatenate([np.asarray(one.resize((352, 288)))] * 3, axis=1)
    pictures = {
        "one.jpg": one,
        "six.png": Image.fromarray(np.concatenate([row, row])),
        "none.png": Image.new("RGB", (320, 240), "teal"),
    }
    for name, picture in pictures.items():
        picture.save(folder / name)
    return [folder / name for name in pictures]


@pytest.fixture(scope="module")
def web_clip(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the film as MP4, larger, as a phone's would be."""
    path = tmp_path_factory.mktemp("clip") / "talk.mp4"
    return _write(_decode(real_clip), path, "libx264", (352, 288, "yuv420p"), rate=30)


@pytest.fixture(scope="module")
def fast_clip(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 120 frames in 2 s, which every browser plays."""
    path = tmp_path_factory.mktemp("clip") / "fast.mp4"
    return _write(_decode(real_clip), path, "libx264", (352, 288, "yuv420p"), rate=60)


@pytest.fixture(scope="module")
def foreign_clip(real_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same in a form that Chromium doesn't play, and the service reads."""
    path = tmp_path_factory.mktemp("clip") / "fast.avi"
    return _write(_decode(real_clip), path, "mpeg4", (352, 288, "yuv420p"), rate=60)


def _decode(film: Path) -> Iterator[Any]:
    """Yield a film's frames."""
    av = pytest.importorskip("av", reason="making a film needs the video extra")
    with av.open(str(film)) as given:
        yield from given.decode(video=0)


def _gather(film: Path) -> Iterator[Any]:
    """Yield frames that show six of the film's at once, two rows of three."""
    av = pytest.importorskip("av", reason="making a film needs the video extra")
    frames = [frame.to_ndarray(format="rgb24") for frame in _decode(film)]
    for number in range(len(frames)):
        six = [frames[(number + 17 * place) % len(frames)] for place in range(6)]
        rows = np.concatenate(six[:3], axis=1), np.concatenate(six[3:], axis=1)
        yield av.VideoFrame.from_ndarray(np.concatenate(rows), format="rgb24")


def _write(
    frames: Iterable[Any], path: Path, codec: str, form: tuple[int, int, str], rate: int, **settings: Any
) -> Path:
    """Write frames in a size and codec."""
    av = pytest.importorskip("av", reason="making a film needs the video extra")
    with av.open(str(path), "w") as written:
        stream = written.add_stream(codec, rate=rate, **settings)
        stream.width, stream.height, stream.pix_fmt = form
        for number, frame in enumerate(frames):
            scaled = frame.reformat(*form)
            scaled.pts, scaled.time_base = number, Fraction(1, rate)
            written.mux(stream.encode(scaled))
        written.mux(stream.encode(None))
    return path

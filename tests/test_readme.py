"""Every code block of the README does what it says."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from mien.inference.media.video.writer import VideoWriter
from mien.training.data.sources.synthetic import draw_faces

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORT = ["--epochs", "1"]
SMALL = ["--network", "vgg-bn", "--options.width", "4"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with the files that the README names: faces, folders of them, a small fer2013.csv with votes."""
    folder = tmp_path_factory.mktemp("readme")
    rows = draw_faces(70)
    (folder / "crops").mkdir()
    for number in range(3):
        Image.fromarray(rows.images[number]).save(folder / "crops" / f"{number}.png")
    Image.fromarray(rows.images[0]).save(folder / "face.png")
    for name in ("photo.jpg", "photos/1.jpg", "albums/2.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(astronaut()).resize((256, 256)).save(folder / name)
    with VideoWriter.create(folder / "clip.mp4") as clip:
        for number in range(10):
            clip.write(
                np.roll(np.asarray(Image.fromarray(astronaut()).resize((256, 256))), number, axis=1), number / 25
            )
    for number, label in enumerate(["happy", "bored"] * 12):
        (folder / "my_faces" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rows.images[number]).save(folder / "my_faces" / label / f"{number}.png")
    parts = np.array(["Training", "PublicTest", "PrivateTest"])[rows.parts]
    with (folder / "fer2013.csv.xz").open("w") as file:  # told by its content, not by its name
        file.write("emotion,pixels,Usage\n")
        for image, label, part in zip(rows.images, rows.labels, parts, strict=True):
            file.write(f"{label},{' '.join(map(str, image.ravel()))},{part}\n")
    with (folder / "fer2013new.csv").open("w") as file:
        names = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
        file.write(f"Usage,Image name,{names}\n")
        for number, part in enumerate(parts):
            file.write(f"{part},fer{number}.png,4,3,1,1,1,0,0,0,0,0\n")
    return folder


def test_the_python_blocks_run(workplace):
    found = blocks("python")
    assert len(found) == 1
    for code in found:
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=workplace, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr


def test_the_commands_run_in_their_order(workplace):
    lines = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("mien ")]
    verbs = {"predict", "watch", "info", "data", "train", "export", "evaluate", "bench", "serve"}
    assert {command[1] for command in commands} == verbs
    for command in commands:
        if command[1] == "serve":  # ends when it is told to; see the test below
            continue
        shortened = command[1:]
        if command[1] == "train":  # what begins with trained weights can't become another network
            shortened += SHORT if command[2] == "transfer" else SHORT + SMALL
        call = [sys.executable, "-m", "mien", *shortened]
        result = subprocess.run(call, cwd=workplace, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{command}: {result.stderr}"
    made = {"faces", "rows.csv", "seen", "seen.mp4", "clip.html", "mine.onnx", "run", "fer2013"}
    assert made <= {path.name for path in workplace.iterdir()}


def test_the_service_answers_as_the_readme_asks_it(workplace):
    pytest.importorskip("fastapi", reason="the service needs the serve extra")
    (curl,) = (
        shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines() if "curl" in line
    )
    assert curl[:3] == ["curl", "-F", "files=@photo.jpg"]
    call = [sys.executable, "-m", "mien", "serve", "--port", "0"]
    with subprocess.Popen(call, cwd=workplace, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"http://[\d.:]+", server.stdout.readline()).group()
            assert curl[3].startswith("http://127.0.0.1:8000/")
            path = curl[3].removeprefix("http://127.0.0.1:8000")
            transport = httpx.HTTPTransport(retries=10)
            with httpx.Client(transport=transport, base_url=address, timeout=30) as client:
                answer = client.post(path, files={"files": (workplace / "photo.jpg").open("rb")})
            assert answer.status_code == 200, answer.text
            assert [len(picture["faces"]) for picture in answer.json()["pictures"]] == [1]
        finally:
            server.terminate()
        assert server.wait(timeout=30) in (0, -signal.SIGTERM)


def test_no_placeholder_is_left():
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        assert not re.search(r"^[A-Z0-9]+(_[A-Z0-9]+)*$", document.read_text(encoding="utf-8"), re.M), document


def test_the_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 150
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

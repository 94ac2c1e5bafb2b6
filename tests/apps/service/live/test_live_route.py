"""The protocol of live connections: who is let in, what is answered, what ends them."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from mien.apps.service.live import messages
from mien.apps.service.live.messages import MAX_BAD
from mien.inference.track.follower import Follower

LIVE = "ws://localhost/v1/live"
TOKEN = "a-token-of-at-least-16-letters"


def receive_close(socket) -> WebSocketDisconnect:
    try:
        while True:
            socket.receive_json()
    except WebSocketDisconnect as closed:
        return closed


def test_says_hello_and_answers_each_frame(make_client, frame):
    with make_client().websocket_connect(LIVE) as socket:
        hello = socket.receive_json()
        assert hello["type"] == "hello"
        assert hello["labels"] == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
        assert hello["limits"]["max_frame_bytes"] == 2 * 2**20
        assert hello["limits"]["idle_s"] == 30
        answers = []
        for number, kind in enumerate(["JPEG", "PNG", "WEBP", "JPEG"]):
            socket.send_bytes(frame(number, kind=kind))
            answers.append(socket.receive_json())
    assert [answer["frame"] for answer in answers] == [0, 1, 2, 3]
    for answer in answers:
        assert answer["type"] == "moment"
        assert (answer["width"], answer["height"], answer["dropped"]) == (160, 120, 0)
        (face,) = answer["faces"]
        assert face["person"] == 1
        assert face["box"] == pytest.approx([16, 24, 48, 48], abs=0.01)
        assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        latency = answer["latency_ms"]
        assert 0 < latency["reading"] <= latency["total"]
        assert 0 <= latency["waiting"] <= latency["total"]
    times = [answer["time_s"] for answer in answers]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < 30


def test_the_tracker_is_told_what_each_face_looks_like(make_client, frame, monkeypatch):
    told = []
    follow = Follower.follow

    def listen(self, faces, **others):
        told.append((len(faces), others["looks"]))
        return follow(self, faces, **others)

    monkeypatch.setattr(Follower, "follow", listen)
    with make_client().websocket_connect(LIVE) as socket:
        socket.receive_json()
        for seed in (0, 0, 1):
            socket.send_bytes(frame(seed, kind="PNG"))
            socket.receive_json()
    assert [(count, len(looks)) for count, looks in told] == [(1, 1)] * 3
    first, again, other = (looks[0] for _, looks in told)
    assert first @ again == pytest.approx(1, abs=1e-5)  # the same pixels
    assert first @ other < 0.9


def test_time_is_when_a_frame_arrived(make_client, frame):
    with make_client().websocket_connect(LIVE) as socket:
        socket.receive_json()
        times = []
        for _ in range(2):
            socket.send_bytes(frame())
            times.append(socket.receive_json()["time_s"])
            time.sleep(0.3)
    assert 0.3 <= times[1] - times[0] < 2


@pytest.mark.parametrize("query", ["?smoothing=false", ""])
def test_smoothing_can_be_switched_and_persons_keep_their_numbers(make_client, frame, query):
    def differs(answer) -> bool:
        (face,) = answer["faces"]
        assert face["person"] == 1
        raw, smooth = (np.array(list(face[name].values())) for name in ("raw_probabilities", "probabilities"))
        return bool(np.abs(raw - smooth).max() > 1e-6)

    with make_client().websocket_connect(LIVE + query) as socket:
        socket.receive_json()

        def ask(seed: int) -> bool:
            socket.send_bytes(frame(seed))
            return differs(socket.receive_json())

        is_smooth = not query
        assert not ask(0)  # the first frame has nothing before it
        assert ask(1) == is_smooth
        socket.send_text(json.dumps({"smoothing": not is_smooth}))
        ask(2)
        assert ask(3) == (not is_smooth)
        socket.send_text(json.dumps({"smoothing": is_smooth}))
        ask(4)
        assert ask(5) == is_smooth


def test_group_mode_tells_nothing_of_single_persons(make_client, frame):
    with make_client().websocket_connect(LIVE + "?group=true") as socket:
        socket.receive_json()
        socket.send_bytes(frame())
        answer = socket.receive_json()
        assert answer["type"] == "group"
        assert answer["faces"] is None  # one face is no group
        assert (answer["shares"], answer["valence"], answer["min_group"]) == (None, None, 5)
        assert "5 s" in answer["reason"]
        assert not set(answer) & {"box", "boxes", "persons", "probabilities", "expression"}
        socket.send_text('{"group": false}')
        socket.send_bytes(frame())
        assert socket.receive_json()["type"] == "moment"
        socket.send_text('{"group": true}')
        socket.send_bytes(frame())
        assert socket.receive_json()["type"] == "group"


def test_a_group_on_the_frame_is_counted(make_client, frame, build_detector, tmp_path):
    shares = np.float32([[0.02 + 0.16 * n, 0.3, 0.14, 0.3] for n in range(6)])
    path = tmp_path / "six.onnx"
    path.write_bytes(build_detector(shares, np.full(6, 0.9, np.float32)))
    with make_client(detector=str(path)).websocket_connect(LIVE + "?group=true") as socket:
        socket.receive_json()
        socket.send_bytes(frame(width=640, height=480))
        assert socket.receive_json()["faces"] == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "{}",
        "null",
        '{"smoothing": 1}',
        '{"smoothing": "true"}',
        '{"smoothing": null}',
        '{"smoothing": true, "boxes": true}',
        '{"group": 0}',
        '{"group": true',
        '{"smoothing": true, "x": "' + 2000 * "a" + '"}',
    ],
)
def test_a_text_that_is_no_wish_is_refused_and_the_connection_stays(make_client, frame, text):
    with make_client().websocket_connect(LIVE) as socket:
        socket.receive_json()
        socket.send_text(text)
        answer = socket.receive_json()
        assert (answer["type"], answer["code"], answer["frame"]) == ("error", "bad_input", None)
        assert '{"smoothing": true|false}' in answer["message"]
        assert len(answer["message"]) < 400
        socket.send_bytes(frame())
        assert socket.receive_json()["type"] == "moment"


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0" + bytes(100)])
def test_a_frame_that_is_no_picture_is_answered_and_the_connection_stays(make_client, frame, data):
    with make_client().websocket_connect(LIVE) as socket:
        socket.receive_json()
        for number in range(MAX_BAD - 1):
            socket.send_bytes(data)
            answer = socket.receive_json()
            assert (answer["type"], answer["code"], answer["frame"]) == ("error", "unreadable_media", number)
        socket.send_bytes(frame())
        assert socket.receive_json()["frame"] == MAX_BAD - 1
        socket.send_bytes(data)  # the count began anew
        assert socket.receive_json()["type"] == "error"
        socket.send_bytes(frame())
        assert socket.receive_json()["type"] == "moment"


def test_too_many_in_a_row_end_it(make_client):
    with make_client().websocket_connect(LIVE) as socket:
        socket.receive_json()
        for number in range(MAX_BAD):
            socket.send_bytes(b"x") if number % 2 else socket.send_text("x")
            assert socket.receive_json()["type"] == "error"
        closed = receive_close(socket)
    assert closed.code == 1008
    assert "10 messages in a row" in closed.reason


def test_a_frame_with_too_many_pixels_is_not_decoded(make_client, frame):
    with make_client(max_pixels=10_000).websocket_connect(LIVE) as socket:
        assert socket.receive_json()["limits"]["max_pixels"] == 10_000
        socket.send_bytes(frame())
        assert socket.receive_json()["code"] == "too_many_pixels"
        socket.send_bytes(frame(width=100, height=100))
        assert socket.receive_json()["type"] == "moment"


def test_a_frame_with_too_many_bytes_ends_it(make_client):
    with make_client(live_max_frame_bytes=2000).websocket_connect(LIVE) as socket:
        socket.receive_json()
        socket.send_bytes(bytes(2000))
        assert socket.receive_json()["type"] == "error"
        socket.send_bytes(bytes(2001))
        closed = receive_close(socket)
    assert closed.code == 1009
    assert "2,000" in closed.reason
    assert "2,001" in closed.reason


def test_silence_ends_it_and_texts_are_silence(make_client, frame):
    with make_client(live_idle_s=0.6).websocket_connect(LIVE) as socket:
        socket.receive_json()
        begun_s = time.monotonic()
        for _ in range(3):
            time.sleep(0.3)
            socket.send_bytes(frame())
            socket.receive_json()
        last_s = time.monotonic()
        socket.send_text('{"smoothing": true}')
        time.sleep(0.4)
        socket.send_text('{"smoothing": true}')
        closed = receive_close(socket)
        over_s = time.monotonic()
    assert closed.code == 4408
    assert "0.6 s" in closed.reason
    assert over_s - last_s < 1.5
    assert over_s - begun_s > 1.3


def test_only_so_many_connections(make_client):
    client = make_client(max_live=2)
    with client.websocket_connect(LIVE) as one, client.websocket_connect(LIVE) as two:
        one.receive_json()
        two.receive_json()
        with client.websocket_connect(LIVE) as three:
            closed = receive_close(three)
        assert closed.code == 1013
        assert "2 live connections" in closed.reason
    for _ in range(50):  # the places of those who left are free again
        with client.websocket_connect(LIVE) as again:
            try:
                assert again.receive_json()["type"] == "hello"
                break
            except WebSocketDisconnect:
                time.sleep(0.02)
    else:
        pytest.fail("no place became free")


def test_metrics_count_connections_and_frames(make_client, frame):
    client = make_client()
    with client.websocket_connect(LIVE) as socket:
        socket.receive_json()
        for data in (frame(), b"x", frame()):
            socket.send_bytes(data)
            socket.receive_json()
        during = client.get("/metrics").text
    assert "mien_live_connections 1.0" in during
    assert 'mien_live_frames_total{outcome="read"} 2.0' in during
    assert 'mien_live_frames_total{outcome="unreadable"} 1.0' in during


@pytest.mark.parametrize(
    ("headers", "subprotocols", "is_let_in"),
    [
        ({}, None, False),
        ({"Authorization": f"Bearer {TOKEN}"}, None, True),
        ({"Authorization": f"Bearer {TOKEN}x"}, None, False),
        ({"Authorization": f"Basic {TOKEN}"}, None, False),
        ({}, ["mien.v1", f"bearer.{TOKEN}"], True),
        ({}, [f"bearer.{TOKEN}", "mien.v1"], True),
        ({}, ["mien.v1", "bearer.wrong"], False),
        ({}, ["mien.v1"], False),
        ({}, [f"bearer.{TOKEN}"], False),
        ({"Authorization": f"Bearer {TOKEN}"}, ["chat"], False),
    ],
)
def test_who_has_the_token_is_let_in(make_client, headers, subprotocols, is_let_in):
    client = make_client(token=TOKEN)
    if is_let_in:
        with client.websocket_connect(LIVE, subprotocols=subprotocols, headers=headers) as socket:
            assert socket.receive_json()["type"] == "hello"
            assert socket.accepted_subprotocol == ("mien.v1" if subprotocols else None)
    else:
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            client.websocket_connect(LIVE, subprotocols=subprotocols, headers=headers),
        ):
            pass
        is_told = (caught.value.status_code, caught.value.json()["code"])
        assert is_told in [(401, "unauthorized"), (422, "bad_input")]


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        (None, True),
        ("http://localhost", True),
        ("https://friend.example", True),
        ("https://evil.example", False),
        ("null", False),
        ("http://localhost:81", False),
    ],
)
def test_foreign_pages_are_refused_before_they_are_let_in(make_client, origin, is_let_in):
    client = make_client(cors_origins=("https://friend.example",))
    headers = {} if origin is None else {"Origin": origin}
    if is_let_in:
        with client.websocket_connect(LIVE, headers=headers) as socket:
            assert socket.receive_json()["type"] == "hello"
    else:
        with (
            pytest.raises(WebSocketDenialResponse) as caught,
            client.websocket_connect(LIVE, headers=headers),
        ):
            pass
        assert (caught.value.status_code, caught.value.json()["code"]) == (403, "forbidden_origin")


@pytest.mark.parametrize("query", ["?smoothing=2", "?group=maybe", "?smoothing=yes", "?unknown=1"])
def test_flags_are_true_or_false(make_client, query):
    with pytest.raises(WebSocketDenialResponse) as caught, make_client().websocket_connect(LIVE + query):
        pass
    assert (caught.value.status_code, caught.value.json()["code"]) == (422, "bad_input")
    assert caught.value.json()["errors"]


def test_a_failing_model_ends_it_and_tells_nothing(make_client, frame, caplog):
    client = make_client()

    async def fail(*_, **__):
        raise RuntimeError("sec" + "ret")

    client.app.state.service.engine.read_timed = fail
    with caplog.at_level(logging.DEBUG), client.websocket_connect(LIVE) as socket:
        socket.receive_json()
        socket.send_bytes(frame())
        closed = receive_close(socket)
    assert closed.code == 1011
    assert "secret" not in closed.reason
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_busy_engine_costs_frames_and_not_the_connection(make_client, frame):
    client = make_client(max_waiting=1, max_files=1)
    engine = client.app.state.service.engine
    with client.websocket_connect(LIVE) as socket:
        socket.receive_json()
        with engine.admission.admit(1):
            for number in range(MAX_BAD + 2):
                socket.send_bytes(frame())
                answer = socket.receive_json()
                assert (answer["type"], answer["code"], answer["frame"]) == ("error", "busy", number)
        socket.send_bytes(frame())
        assert socket.receive_json()["type"] == "moment"


def test_the_guide_lists_every_end_and_every_field(make_client, frame):
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "live.md").read_text("utf-8")
    codes = {value for name, value in vars(messages).items() if name.isupper() and type(value) is int and value > 1000}
    codes.discard(messages.MAX_TEXT)
    assert {int(code) for code in re.findall(r"^\| (\d{4}) \|", guide, re.MULTILINE)} == codes
    with make_client().websocket_connect(LIVE) as socket:
        told = [socket.receive_json()]
        for wish in ('{"group": false}', '{"group": true}', "nothing"):
            socket.send_text(wish)
            if wish != "nothing":
                socket.send_bytes(frame())
            told.append(socket.receive_json())
    assert [message["type"] for message in told] == ["hello", "moment", "group", "error"]
    fields = {name for message in told for name in message} | {*told[0]["limits"]} | {*told[1]["faces"][0]}
    assert {name for name in fields if f"`{name}`" not in guide} == set()

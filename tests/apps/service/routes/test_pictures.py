"""`POST /v1/predict` and `/v1/classify`, with tiny models: the detector finds a sure and a doubtful face everywhere."""

import asyncio
import base64
import os
import struct
import threading
import zlib
from pathlib import Path

import httpx
import pytest

from mien.apps.service.app import create_app
from mien.apps.service.schemas import PicturesAnswer
from mien.inference.recognizer import Recognizer

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def recognizer(model_file, detector_file):
    return Recognizer.load(model_file, detector=detector_file, threads=1)


def send_raw(client, data, path="/v1/predict", **query):
    return client.post(path, content=data, headers=PNG, params=query)


def send_form(client, data, path="/v1/predict", **query):
    return client.post(path, files=[("files", ("photo.png", data))], params=query)


def send_json(client, data, path="/v1/predict", **query):
    return client.post(path, json={"image": base64.b64encode(data).decode()}, params=query)


@pytest.mark.parametrize("send", [send_raw, send_form, send_json])
def test_the_answer_is_that_of_the_recognizer(send, client, png, recognizer):
    answer = send(client, png)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    PicturesAnswer.model_validate(answer.json())
    (picture,) = answer.json()["pictures"]
    assert picture["source"] == ("photo.png" if send is send_form else "picture-1")
    assert (picture["width"], picture["height"]) == (96, 64)
    (face,), (wanted,) = picture["faces"], recognizer.predict(png)
    assert face["box"] == wanted.box.to_list()
    assert face["expression"] == wanted.expression
    assert face["probabilities"] == pytest.approx(dict(wanted.probabilities), abs=1e-6)
    assert "error" not in picture


def test_how_to_look_is_a_query(client, png):
    assert len(send_raw(client, png, min_score=0.3).json()["pictures"][0]["faces"]) == 2
    assert send_raw(client, png, min_score=1).json()["pictures"][0]["faces"] == []
    assert send_raw(client, png, max_side_px=32).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "min_score=nan",
        "min_score=-0.1",
        "min_score=1.1",
        "min_score=",
        "min_score=inf",
        "max_side_px=31",
        "max_side_px=2049",
        "max_side_px=64.5",
        "max_side_px=true",
        "crops=true",
        "path=/etc/passwd",
    ],
)
def test_other_queries_are_refused(query, client, png):
    answer = client.post(f"/v1/predict?{query}", content=png, headers=PNG)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert answer.json()["errors"][0]["where"] == f"query.{query.partition('=')[0]}"


def test_a_crop_is_one_face(client, png):
    answer = send_raw(client, png, "/v1/classify")
    PicturesAnswer.model_validate(answer.json())
    (face,) = answer.json()["pictures"][0]["faces"]
    assert face["box"] == [0, 0, 96, 64]
    assert face["score"] is face["landmarks"] is None
    assert send_raw(client, png, "/v1/classify", min_score=0.5).status_code == 422


def test_several_pictures_stay_in_order_and_one_may_be_broken(client, png):
    names = [f"{number}.png" for number in range(6)]
    files = [("files", (name, b"no picture" if name == "3.png" else png)) for name in names]
    answer = client.post("/v1/predict", files=files)
    PicturesAnswer.model_validate(answer.json())
    pictures = answer.json()["pictures"]
    assert answer.status_code == 200
    assert [picture["source"] for picture in pictures] == names
    assert [picture["width"] for picture in pictures] == [96, 96, 96, None, 96, 96]
    assert pictures[3]["error"]["code"] == "unreadable_media"
    assert "faces" not in pictures[3]


def test_what_is_no_picture_is_told_with_what_is_one(client):
    answer = client.post("/v1/predict", content=b"no picture", headers=PNG)
    assert answer.json()["detail"].startswith("the picture is in none of the formats that mien reads (AVIF, ")
    assert answer.json()["pictures"][0]["error"]["message"] == answer.json()["detail"]


def test_if_none_can_be_read_it_is_a_problem(client, png):
    for data in (b"no picture", png[:100]):
        answer = send_form(client, data)
        assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_media")
        assert answer.headers["content-type"] == "application/problem+json"
        (told,) = answer.json()["pictures"]
        assert told["source"] == "photo.png"
        assert told["error"]["message"] == answer.json()["detail"]


def test_a_decompression_bomb_is_refused_before_it_is_decoded(client):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(30_001) * 100, 9)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    answer = send_raw(client, bomb)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_pixels")
    assert "pixels" in answer.json()["detail"]


def test_nothing_on_the_server_is_ever_opened(client, png, tmp_path, monkeypatch):
    """A client's text is no path and no address, whichever way it is sent."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(png)
    opened = []
    for name in ("read_bytes", "open", "read_text"):
        monkeypatch.setattr(Path, name, lambda self, *rest, **more: opened.append(self))
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(path))
    text = str(secret)
    answers = [
        send_raw(client, text.encode()),
        send_form(client, text.encode()),
        client.post("/v1/predict", json={"image": text}),
        client.post("/v1/predict", json={"images": [f"file://{text}"]}),
        client.post("/v1/predict", json={"url": f"file://{text}"}),
        client.post("/v1/predict", json={"path": text}),
        client.post("/v1/predict", content=png, headers=PNG, params={"path": text}),
        client.post("/v1/predict", files=[("files", (text, b"x"))]),
        client.post("/v1/predict", data={"files": text}, files=[("files", ("a.png", b"x"))]),
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert opened == []


def test_more_than_may_wait_is_refused_before_the_body_is_read(make_client, png):
    client = make_client(max_waiting=2, max_files=2)
    service = client.app.state.service
    with service.engine.admission.admit(2):
        answer = send_raw(client, png)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) >= 1
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["code"]) == (503, "busy")
    assert send_raw(client, png).status_code == 200
    assert service.engine.admission.waiting == service.held.bytes == 0


def test_limits_are_those_of_the_settings(make_client, png):
    client = make_client(max_files=2, max_picture_bytes=len(png), max_body_bytes=3 * len(png), max_pixels=96 * 64)
    assert send_raw(client, png).status_code == 200
    assert send_raw(client, png + b"x").json()["code"] == "too_large"
    assert send_raw(client, png * 4).json()["code"] == "too_large"
    assert client.post("/v1/predict", files=[("files", ("a", png))] * 3).json()["code"] == "too_large"
    assert client.post("/v1/predict", files=[("files", ("a", b"x"))] * 3).json()["code"] == "too_many"
    small = make_client(max_pixels=96 * 64 - 1)
    answer = send_raw(small, png)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_pixels")
    both = small.post("/v1/predict", files=[("files", ("a", png)), ("files", ("b", b"x"))]).json()
    assert both["code"] == "unreadable_media"  # one code can't tell of two reasons
    assert [one["error"]["code"] for one in both["pictures"]] == ["too_many_pixels", "unreadable_media"]


def test_a_strip_is_no_picture(client):
    answer = send_raw(client, b"P5 1 50000000 255\n" + bytes(50_000_000 // 4))
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_pixels")
    assert "65,535" in answer.json()["detail"]


def test_after_everything_nothing_is_held(client, png):
    send_raw(client, png)
    send_raw(client, b"")
    send_form(client, b"x" * 10_000)
    assert client.app.state.service.held.bytes == client.app.state.service.engine.admission.waiting == 0


def test_a_client_that_leaves_is_no_longer_worked_for(make_settings, png):
    """Of its three pictures one is being read and is finished; the places of all are free at once."""
    app = create_app(make_settings(readers=1))
    begun, passes = [], threading.Event()

    async def ask():
        async with app.router.lifespan_context(app):
            service = app.state.service
            cut = service.engine.recognizer.cut

            def cut_slowly(picture, **how):
                begun.append(how["name"])
                passes.wait(10)
                return cut(picture, **how)

            service.engine.recognizer.cut = cut_slowly
            form = httpx.Request("POST", "http://localhost/v1/predict", files=[("files", (n, png)) for n in "abc"])
            messages: asyncio.Queue = asyncio.Queue()
            messages.put_nowait({"type": "http.request", "body": form.read(), "more_body": False})
            headers = [(name.lower().encode(), value.encode()) for name, value in form.headers.items()]
            scope = {"type": "http", "method": "POST", "path": "/v1/predict", "query_string": b"", "headers": headers}
            sent = []

            async def send(message):
                sent.append(message)

            asked = asyncio.create_task(app(scope, messages.get, send))
            async with asyncio.timeout(10):
                while not begun:
                    await asyncio.sleep(0.001)
                assert service.engine.admission.waiting == 3
                messages.put_nowait({"type": "http.disconnect"})
                await asked
            assert (service.engine.admission.waiting, service.held.bytes, sent) == (0, 0, [])
            passes.set()

    asyncio.run(ask())
    assert begun == ["a"]

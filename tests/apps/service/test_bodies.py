import asyncio
import base64
import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request

from mien.apps.service.bodies import BodyLimits, Held, Upload, receive_uploads
from mien.apps.service.problems import Refusal

LIMITS = BodyLimits("image", "picture", 10_000, 4_000, 3, 5.0, takes_json=True)
VIDEO = BodyLimits("video", "video", 10_000, 4_000, 1, 5.0, takes_json=False)


def receive(chunks, headers, limits=LIMITS, held=None, pause_s=0.0, then=None):
    """Receive a body that comes in pieces, and return its files."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append(then or {"type": "http.request", "body": b"", "more_body": False})
    waiting = iter(messages)

    async def come():
        await asyncio.sleep(pause_s)
        return next(waiting)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "POST", "path": "/v1/predict", "headers": raw}, come)

    async def run():
        async with receive_uploads(request, limits, held or Held(10**6)) as uploads:
            return uploads

    return asyncio.run(run())


def refuse(*arguments, **options):
    with pytest.raises(Refusal) as caught:
        receive(*arguments, **options)
    return caught.value


def form(*parts, boundary="xyz", end=True):
    """Return a form's body: parts of (field, file name or None, data)."""
    body = b""
    for field, name, data in parts:
        file = "" if name is None else f'; filename="{name}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{file}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b"")


FORM = {"Content-Type": "multipart/form-data; boundary=xyz"}
RAW = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG", "image/x-anything; a=b", "application/octet-stream"])
def test_a_raw_body_is_one_file(kind):
    assert receive([b"ab", b"", b"c"], {"Content-Type": kind}) == [Upload("picture-1", b"abc")]


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "image/",
        "image",
        "video/mp4",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
    ],
)
def test_other_kinds_are_not_taken(kind):
    error = refuse([b"abc"], {"Content-Type": kind} if kind else {})
    assert error.problem_code == "unsupported_media"
    assert "image/*" in str(error)


def test_a_video_is_no_picture_and_no_json():
    assert receive([b"abc"], {"Content-Type": "video/mp4"}, VIDEO) == [Upload("video-1", b"abc")]
    assert refuse([b"{}"], JSON, VIDEO).problem_code == "unsupported_media"
    assert refuse([b"a"], RAW, VIDEO).problem_code == "unsupported_media"


def test_packed_bodies_are_not_unpacked():
    assert refuse([b"abc"], RAW | {"Content-Encoding": "gzip"}).problem_code == "unsupported_media"


def test_an_empty_body_says_so():
    assert refuse([], RAW).problem_code == "bad_input"
    assert refuse([b"", b""], RAW).problem_code == "bad_input"


def test_a_length_that_is_too_much_is_believed():
    error = refuse([], RAW | {"Content-Length": "2147483648"})
    assert error.problem_code == "too_large"
    assert "2,147,483,648" in str(error)
    assert refuse([], RAW | {"Content-Length": "9" * 5000}).problem_code == "too_large"


@pytest.mark.parametrize("length", [None, "5", "-1", "abc", "²"])
def test_a_length_that_lies_is_not(length):
    headers = RAW | ({} if length is None else {"Content-Length": length})
    limits = BodyLimits("image", "picture", 10_000, 10_000, 1, 5.0, takes_json=True)
    assert refuse([b"x" * 3_000] * 4, headers, limits).problem_code == "too_large"


def test_reading_stops_where_it_is_too_much():
    def endless():
        for number in range(1000):
            assert number < 6, "more was read than the limit"
            yield b"x" * 3_000

    # The list of messages is lazy here: whoever asks for the seventh fails.
    waiting = endless()

    async def come():
        return {"type": "http.request", "body": next(waiting), "more_body": True}

    async def run():
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", b"image/png")]}
        request = Request(scope, come)
        async with receive_uploads(request, LIMITS, Held(10**6)):
            pass

    with pytest.raises(Refusal, match="10,000 bytes"):
        asyncio.run(run())


def test_one_file_may_be_smaller_than_the_body():
    assert refuse([b"x" * 5_000], RAW).problem_code == "too_large"
    assert refuse([form(("files", "a", b"x" * 5_000))], FORM).problem_code == "too_large"
    text = base64.b64encode(b"x" * 5_000).decode()
    assert refuse([json.dumps({"image": text}).encode()], JSON).problem_code == "too_large"


def test_a_slow_body_is_given_up():
    slow = BodyLimits("image", "picture", 10_000, 4_000, 3, 0.05, takes_json=True)
    error = refuse([b"x"] * 50, RAW, slow, pause_s=0.02)
    assert error.problem_code == "timeout"
    assert receive([b"x"], RAW, slow, pause_s=0.001)[0].data == b"x"


def test_a_client_that_goes_away_is_no_error_of_ours():
    with pytest.raises(ClientDisconnect):
        receive([b"x"], RAW, then={"type": "http.disconnect"})


def test_a_form_holds_several_files_in_order():
    body = form(("files", "a.png", b"1"), ("files", "b.png", b"\r\n--xy\r\n"), ("files", None, b"3"))
    for size in (1, 2, 7, len(body)):
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        assert receive(pieces, FORM) == [("a.png", b"1"), ("b.png", b"\r\n--xy\r\n"), ("picture-3", b"3")]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\photos\\\\me.jpg", "me.jpg"),
        ("/", "picture-1"),
        ("", "picture-1"),
        ("a\tb", "ab"),
        ("x" * 300, "x" * 200),
        ("名前.png", "名前.png"),
    ],
)
def test_a_name_is_only_a_name(name, kept):
    assert receive([form(("files", name, b"1"))], FORM)[0].name == kept


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (form(*[("files", "a", b"1")] * 4), "too_many", "3 files"),
        (form(("image", "a", b"1")), "bad_input", "'files'"),
        (form(("files", "a", b"1"), ("path", None, b"/etc/passwd")), "bad_input", "'path'"),
        (form(("files", "a", b"1"), end=False), "bad_input", "cut short"),
        (form(("files", "a", b"1"))[:-6], "bad_input", "cut short"),
        (form(), "bad_input", "no file"),
        (b"", "bad_input", "cut short"),
        (b"garbage" * 50, "bad_input", "damaged"),
        (b"--xyz\r\n\r\n1\r\n--xyz--\r\n", "bad_input", "'files'"),
        (b"--xyz\r\n" + b"A: b\r\n" * 100 + b"\r\n1\r\n--xyz--\r\n", "bad_input", "damaged"),
        (b"--xyz\r\nA: " + b"b" * 9000 + b"\r\n\r\n1\r\n--xyz--\r\n", "bad_input", "damaged"),
    ],
)
def test_other_forms_are_refused(body, code, words):
    error = refuse([body], FORM)
    assert error.problem_code == code
    assert words in str(error)


@pytest.mark.parametrize("parameter", ["", "; boundary=", f"; boundary={'x' * 300}"])
def test_a_form_needs_a_boundary(parameter):
    headers = {"Content-Type": f"multipart/form-data{parameter}"}
    assert refuse([form(("files", "a", b"1"))], headers).problem_code == "bad_input"


def test_base64_in_json():
    one, two = (base64.b64encode(data).decode() for data in (b"1", b"22"))
    assert receive([json.dumps({"image": one}).encode()], JSON) == [Upload("picture-1", b"1")]
    both = receive([json.dumps({"images": [one, two]}).encode()], JSON)
    assert both == [Upload("picture-1", b"1"), Upload("picture-2", b"22")]


@pytest.mark.parametrize(
    "text",
    ["a", "====", "MQ", "MQ===", "M Q==", "MQ==\n", "MQ=A", "-_-_", "data:image/png;base64,MQ==", "é", "/etc/passwd?"],
)
def test_base64_is_taken_strictly(text):
    error = refuse([json.dumps({"image": text}).encode()], JSON)
    assert error.problem_code == "bad_input"
    assert error.extras["errors"][0]["where"] == "body.image"
    error = refuse([json.dumps({"images": ["MQ==", text]}).encode()], JSON)
    assert error.extras["errors"][0]["where"] == "body.images.1"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b"",
        b"{",
        b"\xff",
        b'{"image": 1}',
        b'{"image": null}',
        b'{"images": "MQ=="}',
        b'{"images": []}',
        b'{"image": "MQ==", "images": ["MQ=="]}',
        b'{"image": "MQ==", "path": "/etc/passwd"}',
        b'{"images": [null]}',
        b'{"url": "http://localhost"}',
        b'{"image": {"a": 1}}',
    ],
)
def test_other_json_is_refused(body):
    assert refuse([body], JSON).problem_code == "bad_input"


def test_too_many_in_json():
    assert refuse([json.dumps({"images": ["MQ=="] * 4}).encode()], JSON).problem_code == "too_many"


@pytest.mark.parametrize("piece", [b"[],", b"{},", b'{"a":1},', b"[" * 3, b'"",'])
def test_json_of_millions_of_values_is_not_built(piece):
    limits = BodyLimits("image", "picture", 10**7, 10**7, 32, 5.0, takes_json=True)
    body = b'{"images": [' + piece * (5 * 10**6 // len(piece)) + b"]}"
    tracemalloc.start()
    try:
        error = refuse([body], JSON, limits, held=Held(10**8))
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
    assert error.problem_code == "bad_input"
    assert "far more values" in str(error)


@given(st.binary(max_size=300), st.sampled_from([FORM, JSON, RAW]))
def test_whatever_is_sent_is_read_or_refused(body, headers):
    with suppress(Refusal):  # whatever else it raises fails the test
        assert all(isinstance(upload.data, bytes) for upload in receive([body], headers))


def test_all_bodies_together_have_a_limit_and_give_it_back():
    held = Held(5_000)
    with held.hold() as one:
        one.take(3_000)
        error = refuse([b"x" * 3_000], RAW, held=held)
        assert error.problem_code == "busy"
        assert error.headers["Retry-After"]
        assert held.bytes == 3_000
    assert held.bytes == 0
    assert receive([b"x" * 3_000], RAW, held=held)[0].data == b"x" * 3_000
    assert held.bytes == 0
    refuse([b"x" * 4_500], RAW, held=held)
    assert held.bytes == 0

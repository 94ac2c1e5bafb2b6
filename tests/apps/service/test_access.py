import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from mien.apps.service.access import SECURITY_HEADERS, is_host_known, is_origin_allowed, is_token_right, read_bearer
from mien.apps.service.settings import ServiceSettings

TOKEN = "a-token-for-tests-1234"
OPEN = ServiceSettings()
SHUT = ServiceSettings(token=TOKEN)
NAMED = ServiceSettings(allowed_hosts=("faces.example",), cors_origins=("https://friend.example",))


def test_only_the_token_opens():
    assert is_token_right(TOKEN, SHUT)
    for wrong in (None, "", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "\ud800", "é"):
        assert not is_token_right(wrong, SHUT)
        assert is_token_right(wrong, OPEN)


@given(st.text())
def test_no_text_but_the_token_opens(text):
    assert is_token_right(text, SHUT) == (text == TOKEN)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "192.168.1.5", "localhost."]
)
def test_this_machine_and_addresses_are_known(host):
    assert is_host_known(host, OPEN)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "faces.example.evil",
        "x@localhost",
        "localhost/x",
        "[::1",
        ":80",
        "127.0.0.1.evil.example",
        "localhost:port",
        "localhost:99999",
        "localhost#x",
        "localhost?x",
        "localhost x",
        " localhost",
        "localhost:80:80",
        "localhost:８０",
        "[localhost]",
        "lоcalhost",  # its second letter is Cyrillic
        "evil.example#localhost",
        "evil.example?localhost",
    ],
)
def test_other_names_are_not(host):
    assert not is_host_known(host, OPEN)
    assert not is_host_known(host, NAMED)


def test_a_name_that_is_named_is_known():
    assert is_host_known("Faces.example:443", NAMED)
    assert not is_host_known("faces.example", OPEN)


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        (None, "localhost:8000", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("http://LOCALHOST:8000", "localhost:8000", True),
        ("https://faces.example", "faces.example", True),  # a proxy speaks HTTPS for us
        ("https://faces.example:443", "faces.example", True),
        ("https://friend.example", "localhost:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://localhost", "localhost:8000", False),
        ("http://evil@localhost:8000", "localhost:8000", False),
        ("http://evil:x@localhost:8000", "localhost:8000", False),
        ("http://localhost:8000/", "localhost:8000", False),
        ("http://localhost:8000#x", "localhost:8000", False),
        ("http://localhost:8000?x", "localhost:8000", False),
        (" http://localhost:8000", "localhost:8000", False),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("https://evil.example", "localhost:8000", False),
        ("https://friend.example.evil", "localhost:8000", False),
        ("http://friend.example", "localhost:8000", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("file://localhost:8000", "localhost:8000", False),
        ("http://[", "localhost:8000", False),
        ("http://", "", False),
    ],
)
def test_our_own_page_and_named_ones_may_ask(origin, host, is_allowed):
    assert is_origin_allowed(origin, host, NAMED) is is_allowed


@given(st.text(), st.text())
def test_whatever_comes_is_judged(origin, host):
    assert isinstance(is_origin_allowed(origin, host, NAMED), bool)
    assert isinstance(is_host_known(host, NAMED), bool)


def test_a_browser_sends_its_token_as_a_subprotocol():
    assert read_bearer(Headers({}), ["mien.v1", f"bearer.{TOKEN}"]) == TOKEN
    assert read_bearer(Headers({"authorization": f"bearer {TOKEN}"}), []) == TOKEN
    assert read_bearer(Headers({"authorization": "Basic abc"}), ["mien.v1"]) is None


@pytest.mark.parametrize("path", ["/v1/model", "/v1/model/detector", "/v1/limits", "/metrics", "/v1/browser"])
def test_what_asks_for_a_token(path, make_client):
    client = make_client(token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in answer.text
    assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_what_asks_for_none(make_client):
    client = make_client(token=TOKEN)
    for path in ("/", "/health", "/ready", "/openapi.json"):
        assert client.get(path).status_code == 200


def test_a_body_is_not_read_for_whoever_has_no_token(make_client):
    client = make_client(token=TOKEN)

    def pieces():
        yield b"first"
        raise AssertionError("the body was read")

    for path in ("/v1/predict", "/v1/classify", "/v1/video"):
        answer = client.post(path, headers={"Content-Type": "image/png", "Content-Length": "999999999999"})
        assert answer.status_code == 401


def test_every_answer_has_the_security_headers(client, png):
    answers = [
        client.get("/"),
        client.get("/health"),
        client.get("/nowhere"),
        client.get("/v1/model"),
        client.post("/v1/predict", content=png, headers={"Content-Type": "image/png"}),
        client.post("/v1/predict", content=b"", headers={"Content-Type": "image/png"}),
        client.get("/health", headers={"Host": "evil.example"}),
        client.post("/v1/predict", headers={"Origin": "https://evil.example"}),
    ]
    assert {answer.status_code for answer in answers} == {200, 403, 404, 421, 422}
    for answer in answers:
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        if answer.url.path.startswith("/v1/"):
            assert answer.headers["cache-control"] == "no-store"


def test_an_unknown_name_is_misdirected(client):
    answer = client.get("/health", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (421, "forbidden_host")
    assert "MIEN_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(("name", "value"), [("Host", "localhost"), ("Origin", "http://localhost")])
def test_a_header_that_is_sent_twice_is_refused(name, value, client, png):
    headers = [("Content-Type", "image/png"), (name, value)]
    assert client.post("/v1/predict", content=png, headers=headers).status_code == 200
    for other in (value, "http://evil.example"):
        answer = client.post("/v1/predict", content=png, headers=[*headers, (name, other)])
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_http")


def test_a_foreign_page_may_not_post(client, png):
    headers = {"Content-Type": "image/png", "Origin": "https://evil.example"}
    answer = client.post("/v1/predict", content=png, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_origin")
    assert "access-control-allow-origin" not in answer.headers
    own = client.post("/v1/predict", content=png, headers=headers | {"Origin": "http://localhost"})
    assert own.status_code == 200


def test_a_named_page_may(make_client, png):
    client = make_client(cors_origins=("https://friend.example",))
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    flight = client.options("/v1/predict", headers={"Origin": "https://friend.example", **asked})
    assert flight.status_code == 200
    assert flight.headers["access-control-allow-origin"] == "https://friend.example"
    headers = {"Content-Type": "image/png", "Origin": "https://friend.example"}
    answer = client.post("/v1/predict", content=png, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://friend.example"
    assert "access-control-allow-credentials" not in answer.headers
    foreign = client.options("/v1/predict", headers={"Origin": "https://evil.example", **asked})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden_origin")


def test_a_page_of_another_site_reads_no_answer(client):
    answer = client.get("/v1/model", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_the_log_has_no_query_no_name_and_no_body(client, png, caplog):
    caplog.set_level(logging.DEBUG)
    client.post("/v1/predict?min_score=0.123", files=[("files", ("secret-name.png", png))])
    client.get("/line%0Abreak?secret-query=1")
    lines = [record.getMessage() for record in caplog.records if record.name == "mien.service"]
    assert any(line.startswith("POST /v1/predict 200 ") and line.endswith(" ms") for line in lines)
    assert any("GET /line?break 404" in line for line in lines)
    assert not any("secret" in line or "0.123" in line or "\n" in line for line in lines)

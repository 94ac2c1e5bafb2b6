"""What the service says of itself: cards, limits, health, counters."""

import re

import pytest

from mien.apps.service.schemas import LimitsAnswer
from mien.core.card import ExpressionCard, FacesCard


def test_the_cards_are_those_of_the_models(client, model_file, detector_file):
    from mien.inference.runtime.bundled import read_model

    card = client.get("/v1/model").json()
    assert card == read_model(str(model_file)).card.model_dump(mode="json")
    ExpressionCard.from_json(client.get("/v1/model").text)
    assert client.get("/v1/model/detector").json() == read_model(str(detector_file)).card.model_dump(mode="json")
    assert isinstance(FacesCard.from_json(client.get("/v1/model/detector").text), FacesCard)


def test_the_limits_are_those_of_the_settings(make_client):
    client = make_client(max_files=7, max_video_s=3.5)
    limits = client.get("/v1/limits").json()
    assert limits["max_files"] == 7
    assert limits["max_video_s"] == 3.5
    settings = client.app.state.settings
    assert limits == {name: getattr(settings, name) for name in LimitsAnswer.model_fields}


def test_health_and_readiness(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert (client.get("/ready").status_code, client.get("/ready").json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_monitors_ask_for_the_head_alone(path, client):
    assert client.head(path).status_code == 200
    assert client.head("/v1/limits").status_code == 405  # the control


def test_before_the_models_are_open_it_is_starting(make_settings):
    import anyio
    import httpx

    from mien.apps.service.app import create_app

    async def ask():
        transport = httpx.ASGITransport(create_app(make_settings()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/ready"), await client.get("/health")

    ready, health = anyio.run(ask)
    assert (ready.status_code, ready.json()["code"], ready.headers["retry-after"]) == (503, "starting", "1")
    assert health.status_code == 200


def read_counter(client, name, **labels):
    text = client.get("/metrics").text
    wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
    found = re.search(rf"^{name}(?:{{{re.escape(wanted)}}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_what_was_done_is_counted(make_client, png):
    client = make_client()
    client.post("/v1/predict", content=png, headers={"Content-Type": "image/png"})
    client.post("/v1/predict", files=[("files", ("a", png)), ("files", ("b", b"x"))])
    client.post("/v1/predict", content=b"x", headers={"Content-Type": "image/png"})
    assert read_counter(client, "mien_pictures_total", outcome="read") == 2
    assert read_counter(client, "mien_pictures_total", outcome="unreadable") == 2
    assert read_counter(client, "mien_faces_total") == 2
    assert read_counter(client, "mien_batch_faces_sum") == 2
    assert read_counter(client, "mien_requests_total", method="POST", route="/v1/predict", status="200") == 2
    assert read_counter(client, "mien_requests_total", method="POST", route="/v1/predict", status="422") == 1
    assert read_counter(client, "mien_request_seconds_count", route="/v1/predict") == 3
    assert read_counter(client, "mien_waiting_pictures") == 0


def test_addresses_that_clients_make_up_are_one_label(make_client):
    client = make_client()
    for number in range(20):
        client.get(f"/made-up-{number}")
        client.request(f"MADEUP{number}", "/health")
    text = client.get("/metrics").text
    assert "made-up" not in text
    assert "MADEUP" not in text
    assert read_counter(client, "mien_requests_total", method="GET", route="other", status="404") == 20


def test_two_apps_count_for_themselves(make_client):
    one, two = make_client(), make_client()
    one.get("/health")
    assert read_counter(two, "mien_requests_total", method="GET", route="/health", status="200") == 0
    assert read_counter(one, "mien_requests_total", method="GET", route="/health", status="200") == 1

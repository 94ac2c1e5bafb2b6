import logging

import pytest
from fastapi import FastAPI

from mien.apps.service import problems
from mien.apps.service.access import SecurityHeaders
from mien.apps.service.admission import Busy, Draining
from mien.apps.service.problems import TITLES, LastResort, Problem, Refusal, describe, make_problem, to_refusal
from mien.core import errors


def test_every_error_of_ours_has_an_answer():
    told = {
        errors.InputError("a"): "bad_input",
        errors.UnreadableMediaError("a"): "unreadable_media",
        errors.OversizedMediaError("a"): "too_many_pixels",
        errors.MissingMediaError("a"): "unreadable_media",
        errors.ModelError("a"): "internal",
        errors.CardError("a"): "internal",
        Busy("a", 3): "busy",
        Draining(): "draining",
        Refusal("timeout", "a"): "timeout",
        ValueError("a"): "internal",
    }
    for error, code in told.items():
        assert describe(error, "/x")["code"] == code
        assert (describe(error, "/x")["detail"] == str(error)) is (code != "internal")
    assert to_refusal(Busy("a", 3)).headers == {"Retry-After": "3"}


@pytest.mark.parametrize("kind", [errors.InputError, errors.UnreadableMediaError])
def test_advice_for_who_names_files_is_not_given_to_clients(kind):
    assert describe(kind("a is a folder.", advice="Name a file in it."), "/x")["detail"] == "a is a folder."


@pytest.mark.parametrize("code", TITLES)
def test_every_problem_fits_its_form(code):
    problem = make_problem(code, "why", "/v1/predict")
    Problem.model_validate(problem)
    assert problem["type"] == f"urn:mien:problem:{code}"
    assert problem["status"] == TITLES[code][0]


def test_what_the_framework_refuses_is_a_problem_too(client):
    for answer, status, code in [
        (client.get("/nowhere"), 404, "not_found"),
        (client.get("/v1/predict"), 405, "method_not_allowed"),
        (client.put("/v1/predict"), 405, "method_not_allowed"),
        (client.post("/v1/predict?min_score=2", headers={"Content-Type": "image/png"}, content=b"x"), 422, "bad_input"),
        (client.options("/v1/predict"), 405, "method_not_allowed"),
    ]:
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        problem = Problem.model_validate(answer.json())
        assert (problem.code, problem.status, problem.instance) == (code, status, answer.url.path)
    assert client.get("/v1/predict").headers["allow"] == "POST"


def test_a_wrong_query_names_its_place(client):
    png = {"Content-Type": "image/png"}
    answer = client.post("/v1/predict?min_score=often&max_side_px=1&extra=1", content=b"x", headers=png)
    where = [error["where"] for error in answer.json()["errors"]]
    assert where == ["query.min_score", "query.max_side_px", "query.extra"]
    assert answer.json()["detail"] == (
        "query.min_score: has to be a number, got 'often'; query.max_side_px: has to be at least 32, got '1'; "
        "query.extra: there is no such parameter. Leave it out; see /openapi.json"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("min_score=2", "has to be at most 1, got '2'"),
        ("min_score=nan", "has to be a finite number, got 'nan'"),
        ("max_side_px=64.5", "has to be a whole number, got '64.5'"),
        ("max_side_px=", "has to be a whole number, got ''"),
        (f"min_score={'x' * 100}", f"has to be a number, got '{'x' * 40}' ..."),
    ],
)
def test_a_value_that_can_not_be_is_told_in_plain_words(client, query, message):
    answer = client.post(f"/v1/predict?{query}", content=b"x", headers={"Content-Type": "image/png"})
    assert [error["message"] for error in answer.json()["errors"]] == [message]


def test_nothing_of_a_body_is_sent_back(client):
    for body in ({"image": 12345678}, {"other": "12345678"}, {"images": ["12345678!"]}, {"images": "12345678"}):
        answer = client.post("/v1/predict", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
        assert "12345678" not in answer.text
        assert "Input" not in answer.text


SECRET = "a secret of the client"


@pytest.fixture
def broken():
    """Return an app whose routes fail in ways that nobody foresaw."""
    app = FastAPI()
    problems.install(app)

    @app.get("/fails")
    def fails() -> None:
        raise KeyError(SECRET) from ValueError(SECRET)

    @app.get("/model")
    def model() -> None:
        raise errors.ModelError(SECRET)

    app.add_middleware(LastResort)
    app.add_middleware(SecurityHeaders)
    return app


@pytest.mark.parametrize("path", ["/fails", "/model"])
def test_what_nobody_foresaw_tells_the_client_nothing_and_the_log_where(path, broken, caplog):
    from starlette.testclient import TestClient

    with caplog.at_level(logging.ERROR):
        answer = TestClient(broken).get(path)
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (record,) = [record for record in caplog.records if record.name == "mien.service"]
    assert "test_problems.py" in record.getMessage()
    assert "Error" in record.getMessage()
    assert SECRET not in answer.text
    # What mien says itself is about the model; what others say may be a piece of a picture.
    assert (SECRET in record.getMessage()) is (path == "/model")

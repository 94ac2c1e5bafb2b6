"""The OpenAPI schema: as it was released, told in full, and true of what the service answers.

After a change that is meant, `python tests/apps/service/test_schema.py` writes the stored schema anew.
"""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable

from mien.apps.service.app import create_app
from mien.apps.service.problems import TITLES
from mien.apps.service.schemas import EXAMPLE, PicturesAnswer
from mien.apps.service.settings import ServiceSettings

STORED = Path(__file__).with_name("openapi.json")
TOKEN = "a-token-for-tests-1234"


def write_schema() -> str:
    return json.dumps(create_app(ServiceSettings()).openapi(), indent=1, ensure_ascii=False) + "\n"


@pytest.fixture(scope="module")
def schema():
    return json.loads(write_schema())


def test_it_is_the_stored_one(schema):
    stored = json.loads(STORED.read_text("utf-8"))
    assert schema == stored, "the schema has changed; if that is meant: python tests/apps/service/test_schema.py"


def list_operations(schema):
    return [(path, method, what) for path, methods in schema["paths"].items() for method, what in methods.items()]


def test_every_field_and_parameter_is_told_of(schema):
    for name, form in schema["components"]["schemas"].items():
        for field, value in form.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
    for path, _, what in list_operations(schema):
        for parameter in what.get("parameters", []):
            assert parameter.get("description"), f"{path} {parameter['name']}"


def test_every_operation_has_a_name_and_its_errors(schema):
    operations = list_operations(schema)
    names = [what["operationId"] for _, _, what in operations]
    assert len(set(names)) == len(names)
    for path, method, what in operations:
        assert what["summary"], path
        assert {"421", "500"} <= set(what["responses"]), path
        if path.startswith("/v1/"):
            assert "401" in what["responses"]
            assert what["security"] == [{"token": []}]
        if method == "post":
            assert {"403", "408", "413", "415", "422", "503"} <= set(what["responses"])
            assert what["requestBody"]["required"]


def test_every_error_has_an_example_that_fits(schema):
    from mien.apps.service.problems import Problem

    seen = set()
    for _, _, what in list_operations(schema):
        for status, answer in what["responses"].items():
            content = answer.get("content", {}).get("application/problem+json")
            if content is None:
                assert int(status) < 400
                continue
            for code, example in content["examples"].items():
                problem = Problem.model_validate(example["value"])
                assert (problem.code, str(problem.status)) == (code, status)
                seen.add(code)
    assert seen == set(TITLES) - {"method_not_allowed", "bad_http"}  # which no route of ours answers


def test_the_example_of_an_answer_fits():
    PicturesAnswer.model_validate(EXAMPLE)


@pytest.fixture(scope="module")
def asked(make_settings):
    """Return what schemathesis makes of an app with tiny models."""
    app = create_app(make_settings(token=TOKEN, allowed_hosts=("testserver",), max_files=3, max_video_s=1.0))
    return schemathesis.openapi.from_asgi("/openapi.json", app)


UNTRUE = ("positive_data_acceptance",)
"""What can't hold: bytes that the schema allows for a picture are hardly ever one."""

OPERATIONS = [what["operationId"] for _, _, what in list_operations(json.loads(STORED.read_text("utf-8")))]


@pytest.mark.parametrize("is_valid", [True, False], ids=["allowed", "not-allowed"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_asked_is_answered_as_the_schema_says(name, is_valid, asked):
    operation = asked.find_operation_by_id(name)
    mode = schemathesis.GenerationMode.POSITIVE if is_valid else schemathesis.GenerationMode.NEGATIVE
    excluded = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in UNTRUE]
    answered = []

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case):
        response = case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=excluded)
        answered.append(response.status_code)

    try:
        ask()
    except Unsatisfiable:
        assert not is_valid, "nothing could be asked"  # there is no wrong way to ask what takes no parameter
    assert is_valid is False or answered


if __name__ == "__main__":
    STORED.write_text(write_schema(), "utf-8")

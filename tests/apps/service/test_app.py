import subprocess
import sys

from mien.apps.service.app import create_app


def test_the_environment_sets_what_is_not_passed(monkeypatch, model_file, detector_file):
    monkeypatch.setenv("MIEN_MAX_FILES", "3")
    assert create_app().state.settings.max_files == 3


def test_no_page_comes_from_elsewhere(client):
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 404


def test_the_end_finishes_what_was_accepted(make_settings):
    from starlette.testclient import TestClient

    app = create_app(make_settings())
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/ready").status_code == 200
        engine = app.state.service.engine
    assert engine.admission.is_draining


def test_errors_are_handed_to_nobody(client):
    """FastAPI would give validation errors, with what was sent, to whatever collects traces."""
    telemetry = client.app._telemetry
    assert not any(telemetry[name] for name in ("tracing", "metrics", "logs", "operation_spans", "auto_configure"))


def test_the_service_loads_no_training_library():
    code = (
        "import sys, mien.apps.service.app, mien.apps.cli.serving\n"
        "print(sorted({'torch', 'lightning', 'sklearn', 'matplotlib', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_models_that_are_open_already_are_not_opened_again(make_settings, monkeypatch):
    from starlette.testclient import TestClient

    from mien.apps.service import engine

    opened = []
    load = engine.Recognizer.load
    monkeypatch.setattr(
        engine.Recognizer, "load", lambda *given, **named: opened.append(given) or load(*given, **named)
    )
    settings = make_settings()
    recognizer = engine.open_models(settings)
    with TestClient(create_app(settings, recognizer), base_url="http://localhost") as client:
        assert client.get("/ready").status_code == 200
        assert client.app.state.service.engine.recognizer is recognizer
    assert len(opened) == 1
    with TestClient(create_app(settings)):  # the control: a worker opens its own
        assert len(opened) == 2

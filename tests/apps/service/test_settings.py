import inspect
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from mien.apps.service.settings import MIB, ServiceSettings, is_loopback, load_settings
from mien.core.errors import InputError

TOKEN = "abcdefgh-1234.~_"  # 16 characters


def test_the_defaults_let_nobody_else_in():
    settings = ServiceSettings()
    assert (settings.host, settings.port, settings.token) == ("127.0.0.1", 8000, None)
    assert settings.is_local
    assert settings.cors_origins == settings.allowed_hosts == ()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", "localhost.x"]
)
def test_another_host_needs_a_token(host):
    with pytest.raises(InputError, match="MIEN_TOKEN"):
        load_settings({"host": host})
    assert load_settings({"host": host, "token": TOKEN}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_this_machine_needs_none(host):
    assert is_loopback(host)
    assert load_settings({"host": host}).token is None


@pytest.mark.parametrize(
    "token", [TOKEN[:-1], "with space 123456789", "slash/slash/slash/", "é" * 20, "new\nline-1234567890"]
)
def test_a_weak_token_is_refused_and_not_shown(token):
    with pytest.raises(InputError) as caught:
        load_settings({"token": token})
    assert token not in str(caught.value)
    assert "token_urlsafe" in str(caught.value)


def test_an_empty_token_is_none(monkeypatch):
    monkeypatch.setenv("MIEN_TOKEN", "")
    assert load_settings().token is None
    with pytest.raises(InputError, match="MIEN_TOKEN"):
        load_settings({"host": "0.0.0.0"})


def test_the_token_is_nowhere_to_be_seen():
    settings = ServiceSettings(token=TOKEN)
    assert TOKEN not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        ServiceSettings(token=TOKEN, port="x")
    assert TOKEN not in str(caught.value)


def test_a_file_holds_the_token(tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    settings = load_settings({"token_file": file, "host": "0.0.0.0"})
    assert settings.token.get_secret_value() == TOKEN
    monkeypatch.setenv("MIEN_TOKEN", TOKEN)
    with pytest.raises(InputError, match="leave one out"):
        load_settings({"token_file": file})


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"", b"short"])
def test_a_file_without_a_token_is_refused(content, tmp_path):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=f"^the token's file {file} "):
        load_settings({"token_file": file})  # though this machine alone could ask


def test_what_is_passed_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("MIEN_PORT", "1234")
    monkeypatch.setenv("MIEN_MAX_FILES", "3")
    assert load_settings().port == 1234
    assert load_settings({"port": 5678, "workers": None}).port == 5678
    assert load_settings({"port": 5678}).max_files == 3


def test_lists_stand_between_commas(monkeypatch):
    monkeypatch.setenv("MIEN_CORS_ORIGINS", "https://a.example, http://b.example:8080")
    monkeypatch.setenv("MIEN_ALLOWED_HOSTS", "Faces.Example")
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "http://b.example:8080")
    assert settings.allowed_hosts == ("faces.example",)


@pytest.mark.parametrize(
    "origin", ["*", "null", "example.org", "https://example.org/", "https://*.example.org/x", "ftp://a"]
)
def test_an_origin_is_named_in_full(origin):
    with pytest.raises(InputError, match="MIEN_CORS_ORIGINS"):
        load_settings({"cors_origins": (origin,)})


@pytest.mark.parametrize("host", ["*", "https://a", "a:80", "a/b", ""])
def test_a_host_is_a_name(host):
    with pytest.raises(InputError, match="MIEN_ALLOWED_HOSTS"):
        load_settings({"allowed_hosts": (host,)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65536),
        ("port", -1),
        ("workers", 0),
        ("max_files", 0),
        ("max_pixels", 1),
        ("body_timeout_s", 0),
        ("threads", 0),
        ("labels", "feelings"),
        ("drain_s", -1),
        ("live_idle_s", "nan"),
        ("max_held_bytes", 2000),
    ],
)
def test_a_value_out_of_its_range_names_its_variable(name, value):
    with pytest.raises(InputError, match=name.upper() if name != "max_held_bytes" else name):
        load_settings({name: value})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_waiting": 31}, "max_files is at most max_waiting, got 32 > 31"),
        ({"max_files": 65}, "max_files is at most max_waiting, got 65 > 64"),
        ({"max_connections": 15}, "max_live is at most max_connections, got 16 > 15"),
        ({"max_picture_bytes": 64 * MIB}, "max_picture_bytes is at most max_body_bytes"),
    ],
)
def test_settings_that_can_not_both_hold_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        load_settings(changes)
    load_settings({"max_waiting": 32, "max_connections": 16})  # the control


def test_an_unknown_setting_is_refused():
    with pytest.raises(InputError, match="MIEN_MAX_FILE"):
        load_settings({"max_file": 3})


def test_another_process_reads_the_same_from_the_environment(monkeypatch, tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    changes = {"cors_origins": ("https://a.example",), "max_video_s": 7.5, "threads": 2, "browser_runtime": tmp_path}
    for given in ({"token": TOKEN, **changes}, {"token_file": file, **changes}):
        with monkeypatch.context() as patch:
            settings = load_settings(given)
            variables = settings.to_environment()
            for name, value in variables.items():
                patch.setenv(name, value)
            assert load_settings() == settings
    assert TOKEN not in str(variables)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        ServiceSettings().port = 1


def test_the_guide_lists_every_setting_as_it_is():
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "deploy.md").read_text("utf-8")
    listed = re.findall(r"^\| `(MIEN_\w+)` \| (.+?) \| (.+) \|$", guide, re.MULTILINE)
    attributes = inspect.cleandoc(ServiceSettings.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    told = {name: " ".join(text.split()) for name, text in re.findall(r"^ {4}(\w+): ((?:.|\n {8})+)", attributes, re.M)}

    def show(default):
        if default in (None, ()):
            return "none"
        return (
            f"{default} ({default // MIB} MiB)"
            if isinstance(default, int) and default % MIB == 0 < default
            else str(default)
        )

    fields = ServiceSettings.model_fields.items()
    assert listed == [(f"MIEN_{name.upper()}", show(field.default), told[name]) for name, field in fields]

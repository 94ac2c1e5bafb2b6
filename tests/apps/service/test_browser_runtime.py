"""What the in-browser mode is served: its runtime from one folder and nothing else of the disk, and the models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from mien.apps.service import browser_runtime
from mien.apps.service.settings import ServiceSettings
from mien.inference.runtime import bundled

INSTALL = "npm install --ignore-scripts --prefix {} onnxruntime-web@" + browser_runtime.RUNTIME_VERSION


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Return a folder like onnxruntime-web's `dist`, with a link out of it and a file that is none of ours."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in browser_runtime.NEEDED:
        (folder / name).write_text(f"this is {name}")
    (folder / "ort.map").write_text("a map")
    (folder / "deep").mkdir()
    (folder / "deep" / "inner.mjs").write_text("deeper")
    (tmp_path / "secret.mjs").write_text("secret")
    (folder / "link.mjs").symlink_to(tmp_path / "secret.mjs")
    return folder


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be someone who installed nothing; return the home folder."""
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv(bundled.MODELS_DIR, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


Start = Callable[..., Any]


def test_a_whole_runtime_is_told_and_served(make_client: Start, runtime: Path) -> None:
    client = make_client(browser_runtime=runtime)
    told = client.get("/v1/browser").json()
    assert told["available"] is True
    assert told["models"]["faces"] == "/v1/models/faces.onnx"
    for name in browser_runtime.NEEDED:
        answer = client.get(told["runtime"] + name)
        assert (answer.status_code, answer.text) == (200, f"this is {name}")
        wanted = "application/wasm" if name.endswith(".wasm") else "text/javascript"
        assert answer.headers["content-type"].startswith(wanted)
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
        again = client.get(told["runtime"] + name, headers={"If-None-Match": f'"x", W/{answer.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert client.head(told["runtime"] + name).headers["content-length"] == str(len(answer.content))


def test_a_changed_file_has_another_tag(make_client: Start, runtime: Path) -> None:
    client = make_client(browser_runtime=runtime)
    before = client.get("/runtime/ort.wasm.min.mjs").headers["etag"]
    (runtime / "ort.wasm.min.mjs").write_text("a later version")
    answer = client.get("/runtime/ort.wasm.min.mjs", headers={"If-None-Match": before})
    assert (answer.status_code, answer.text) == (200, "a later version")


@pytest.mark.parametrize(
    "name",
    [
        "none.mjs",
        "ort.map",
        "deep",
        "deep/inner.mjs",
        "deep%2Finner.mjs",
        "link.mjs",
        "../secret.mjs",
        "..%2Fsecret.mjs",
        "%2e%2e/secret.mjs",
        "..%5Csecret.mjs",
        "/etc/passwd",
        "",
        ".",
        "ort.wasm.min.mjs%00",
        "ORT.WASM.MIN.MJS",
        "x" * 5000 + ".mjs",
    ],
)
def test_nothing_else_of_the_disk_is_served(make_client: Start, runtime: Path, name: str) -> None:
    answer = make_client(browser_runtime=runtime).get(f"/runtime/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert "secret" not in answer.text.replace("secret.mjs", "")


def test_without_the_runtime_the_command_is_told(make_client: Start, nobody: Path) -> None:
    client = make_client()
    assert client.get("/v1/browser").json() | {"models": {}} == {
        "available": False,
        "runtime": "/runtime/",
        "install": INSTALL.format("~/.local/share/mien"),
        "models": {},
    }
    answer = client.get("/runtime/ort.wasm.min.mjs")
    assert answer.status_code == 404
    assert "npm install" in answer.json()["detail"]


def test_the_command_brings_it_to_where_it_is_looked_for(nobody: Path, runtime: Path) -> None:
    """The command is not run here: what npm makes of its prefix is."""
    assert browser_runtime.find_runtime(ServiceSettings()) is None
    prefix = browser_runtime.tell_install().split()[4].replace("~", str(nobody))
    shutil.copytree(runtime, Path(prefix) / "node_modules" / "onnxruntime-web" / "dist", symlinks=True)
    assert browser_runtime.find_runtime(ServiceSettings()) is not None


@pytest.mark.parametrize("missing", browser_runtime.NEEDED)
def test_half_a_runtime_is_none(make_client: Start, runtime: Path, missing: str) -> None:
    (runtime / missing).unlink()
    assert make_client(browser_runtime=runtime).get("/v1/browser").json()["available"] is False


@pytest.mark.parametrize("name", ["docs/guides/browser.md", "benchmarks/browser.py", ".ci/run"])
def test_whoever_names_the_runtime_names_its_version(name: str) -> None:
    text = (Path(__file__).parents[3] / name).read_text("utf-8")
    assert set(re.findall(r"onnxruntime-web@([\d.]+)", text)) == {browser_runtime.RUNTIME_VERSION}


def test_another_place_for_data_is_kept(nobody: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    assert browser_runtime.tell_install() == INSTALL.format("/srv/data/mien")


def test_models_are_served_whole(make_client: Start, nobody: Path) -> None:
    client = make_client()
    for name in ("expression", "nano", "faces"):
        answer = client.get(f"/v1/models/{name}.onnx")
        assert answer.content == bundled.read_model(name).data
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/v1/models/{name}.onnx", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/v1/browser").json()["models"].keys() == {"expression", "nano", "faces"}


def test_a_damaged_model_is_not_served(make_client: Start, nobody: Path, tmp_path, monkeypatch) -> None:
    client = make_client()
    assert client.get("/v1/models/nano.onnx").status_code == 200
    (tmp_path / "nano.onnx").write_bytes(b"damaged")
    monkeypatch.setitem(bundled.BUNDLED, "nano", str(tmp_path / "nano.onnx"))
    assert client.get("/v1/models/nano.onnx").status_code == 404
    assert client.get("/v1/browser").json()["models"].keys() == {"expression", "faces"}


@pytest.mark.parametrize("name", ["other", "..%2Fexpression", "faces.onnx", "EXPRESSION", "%2Ftmp%2Fnano"])
def test_other_models_are_not_served(make_client: Start, nobody: Path, name: str) -> None:
    answer = make_client().get(f"/v1/models/{name}.onnx")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_token_guards_all_but_the_runtime(make_client: Start, runtime: Path) -> None:
    """A browser's import can't send a token, and the runtime is public software."""
    token = "a-token-for-tests-1234"
    client = make_client(browser_runtime=runtime, token=token)
    for path in ("/v1/browser", "/v1/models/faces.onnx"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert client.get("/runtime/ort.wasm.min.mjs").status_code == 200


def test_a_model_file_is_hashed_once_until_it_changes(make_client: Start, nobody: Path, tmp_path, monkeypatch) -> None:
    from mien.apps.service.routes import browser

    read: list[Path] = []

    def count(path: Path) -> bundled.ModelFile:
        read.append(path)
        return bundled.read_model(path)

    monkeypatch.setattr(browser, "read_model", count)
    copy = tmp_path / "nano.onnx"
    copy.write_bytes(bundled.read_model("nano").data)
    monkeypatch.setitem(bundled.BUNDLED, "nano", str(copy))
    client = make_client()
    for _ in range(3):
        assert client.get("/v1/browser").json()["models"].keys() == {"expression", "nano", "faces"}
        assert client.get("/v1/models/nano.onnx").content == copy.read_bytes()
    assert read.count(copy) == 1
    copy.write_bytes(copy.read_bytes()[:-1])
    assert client.get("/v1/models/nano.onnx").status_code == 404
    assert read.count(copy) == 2

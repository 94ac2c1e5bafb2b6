"""The page's files: what is served and what isn't, from a wheel as well; and what the page must never hold."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import mien.apps.service
from mien.apps.service.routes.page import CONTENT_TYPES, list_page_files
from mien.core.palette import EXPRESSION_COLORS

PAGE = Path(mien.apps.service.__file__).parent / "page"
ROOT = Path(__file__).parents[4]


def test_the_page_stands_at_the_root_with_its_headers(client: Any) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "apparent expression" in answer.text


def test_icons_are_drawn_without_asking_again_and_all_else_is_asked_for(client: Any) -> None:
    kept = {name: client.get(f"/page/{name}").headers["cache-control"] for name in list_page_files()}
    assert kept["icons/sprite.svg"] == "max-age=86400"
    assert {header for name, header in kept.items() if not name.startswith("icons/")} == {"no-cache"}


@pytest.mark.parametrize("name", sorted(list_page_files()))
def test_each_file_is_served_as_what_it_is(client: Any, name: str) -> None:
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPES[Path(name).suffix]
    assert answer.content == (PAGE / name).read_bytes()


def test_whoever_has_a_file_gets_no_bytes_again(client: Any) -> None:
    tag = client.get("/page/main.js").headers["etag"]
    again = client.get("/page/main.js", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/page/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_head_is_answered_without_a_body(client: Any) -> None:
    answer = client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", ["tsconfig.json", "nothing.js", "../settings.py", "%2e%2e/settings.py", "local", ""])
def test_nothing_else_is_served(client: Any, name: str) -> None:
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_page_needs_no_token(make_client: Any) -> None:
    client = make_client(token="a-token-for-tests-1234")
    assert client.get("/").status_code == 200
    assert client.get("/page/main.js").status_code == 200
    assert client.get("/v1/limits").status_code == 401


def test_what_the_page_asks_for_is_there() -> None:
    files = list_page_files()
    for asked in re.findall(r'(?:href|src)="/page/([^"#]+)', (PAGE / "index.html").read_text("utf-8")):
        assert asked in files
    for name in files:
        if name.endswith(".js"):
            text = (PAGE / name).read_text("utf-8")
            for asked in re.findall(r'(?:from|import\() ?"(\.{1,2}/[^"]+)"', text):
                assert (PAGE / name).parent.joinpath(asked).is_file(), f"{name} asks for {asked}"


def test_the_page_holds_no_inline_code_and_no_address_elsewhere() -> None:
    html = (PAGE / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html) == []
    for name in list_page_files():
        text = (PAGE / name).read_text("utf-8")
        addresses = set(re.findall(r"""["'(](?:https?:)?//([\w.-]+)""", text))
        assert addresses <= {"www.w3.org"}, f"{name} names {addresses}"  # SVG's namespace is a name, not a request


def test_the_colors_are_those_of_the_reports() -> None:
    css = (PAGE / "page.css").read_text("utf-8")
    for expression, color in EXPRESSION_COLORS.items():
        if expression != "neutral":  # quieter on pages, as in the reports of films
            assert f"--{expression}: {color};" in css


def test_a_wheel_holds_the_whole_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if "No module named pip" in done.stderr or "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("building a wheel needs pip, and hatchling from the registry")
    assert done.returncode == 0, done.stderr
    held = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert {f"mien/apps/service/page/{name}" for name in list_page_files()} <= held


@pytest.mark.skipif(shutil.which("npx") is None, reason="checking the page's types needs npx")
def test_the_types_hold(tmp_path: Path) -> None:
    def check(folder: Path) -> subprocess.CompletedProcess[str]:
        command = ["npx", "--yes", "-p", "typescript@7.0.2", "tsc", "-p", str(folder / "tsconfig.json")]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    done = check(PAGE)
    if "npm error" in done.stderr:
        pytest.skip("the type checker can't be fetched here")
    assert done.returncode == 0, done.stdout
    control = tmp_path / "page"  # the same page with one wrong word
    shutil.copytree(PAGE, control)
    with (control / "theme.js").open("a") as theme:
        theme.write("\nbutton.colour = 1;\n")
    assert "colour" in check(control).stdout

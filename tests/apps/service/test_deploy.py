"""The Dockerfile and the guide's configurations: they agree with the settings, and the image's health check tells."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mien.apps.service.settings import MIB, ServiceSettings

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
GUIDE = (ROOT / "docs" / "guides" / "deploy.md").read_text("utf-8")


def check_health(port):
    """Run the image's health check as a container engine does, and return its status."""
    found = re.search(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(found[1])
    assert program == "python"
    environment = os.environ | {"MIEN_PORT": str(port)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, timeout=60, capture_output=True, check=False
    ).returncode


def test_the_health_check_tells_a_service_that_lives_from_one_that_does_not(start_server):
    server = start_server(MIEN_TOKEN="a-token-for-tests-1234")
    assert check_health(server.port) == 0
    assert server.stop() == 0
    assert check_health(server.port) == 1


@pytest.mark.parametrize("words", [r"docker run .*(?:\\\n.*)?--stop-timeout (\d+)", r"TimeoutStopSec=(\d+)"])
def test_whoever_stops_it_waits_until_it_is_done(words):
    (seconds,) = re.findall(words, GUIDE)
    assert int(seconds) > ServiceSettings.model_fields["drain_s"].default


@pytest.mark.parametrize("words", [r"max_size (\d+)MiB", r"client_max_body_size (\d+)m;"])
def test_the_proxies_let_through_what_the_service_takes(words):
    (size_mib,) = re.findall(words, GUIDE)
    assert int(size_mib) * MIB > ServiceSettings.model_fields["max_video_bytes"].default


def test_the_token_stands_in_no_flag():
    assert "-e MIEN_TOKEN " in GUIDE
    assert not re.findall(r"-e MIEN_TOKEN=", GUIDE + DOCKERFILE)


def test_the_context_of_the_image_holds_what_is_copied_and_nothing_else():
    everything, *rules = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert everything == "*"
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    ]
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(copied)

"""What `mien serve` prints, and refuses; a running one is tested in `tests/apps/service/test_server.py`."""

import socket

import pytest

pytest.importorskip("fastapi", reason="the service needs the serve extra")

from mien.apps.cli import serving as module
from mien.apps.service.settings import ServiceSettings
from mien.core.errors import InputError


def tell(capsys, port=8000, **settings):
    module._tell(ServiceSettings(**settings), port)
    return " ".join(capsys.readouterr().out.split())


def test_it_tells_where_it_is_and_who_can_reach_it(capsys):
    told = tell(capsys, port=4321)
    assert "http://127.0.0.1:4321/" in told
    assert "Only this machine" in told
    assert "MIEN_TOKEN" in told


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://127.0.0.1:8000/"), ("::1", "http://[::1]:8000/"), ("example.org", "http://example.org:8000/")],
)
def test_addresses(host, address, capsys):
    assert address in tell(capsys, host=host, token="x" * 20)


def test_for_others_it_says_what_is_missing(capsys):
    told = tell(capsys, host="0.0.0.0", token="secret-secret-secret")
    assert "HTTPS" in told
    assert "Only this machine" not in told
    assert "secret-secret" not in told


def test_it_says_how_the_in_browser_mode_comes(capsys, tmp_path):
    assert "npm install" in tell(capsys, browser_runtime=tmp_path / "nowhere")


def test_a_taken_port_is_refused_with_a_remedy():
    with module._listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError, match="--port"), module._listen("127.0.0.1", port):
            pass
    with module._listen("127.0.0.1", port) as again:  # it was given back
        assert again.family == socket.AF_INET


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_refused(host):
    with pytest.raises(InputError, match=host), module._listen(host, 0):
        pass


def test_answers_are_not_held_back_for_40_ms():
    """asyncio sets TCP_NODELAY on connections whose listener names its protocol, and on no others."""
    with module._listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP

"""The benchmark of the service runs, with tiny settings, and its figures hang together."""

import asyncio
import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc"),
    pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="the service needs the serve extra"),
    pytest.mark.skipif(importlib.util.find_spec("skimage") is None, reason="its photo comes with the bench extra"),
]


def run_benchmark(*arguments):
    """Run it as a person does."""
    command = [sys.executable, BENCHMARKS / "service.py", *arguments]
    environment = os.environ | {"COLUMNS": "200", "MIEN_MAX_WAITING": "1"}  # settings of one's own don't count
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=environment)


def read_rows(output):
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]


@pytest.fixture
def models(model_file, detector_file):
    return ["--model", model_file, "--detector", detector_file]


@pytest.fixture
def load(monkeypatch):
    """Import a benchmark's module by name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_the_service_is_timed_beside_the_bare_call(models):
    result = run_benchmark("--turns", 2, "--seconds", 0.3, "--connections", "1,4", *models)
    assert result.returncode == 0, result.stderr
    one, four = read_rows(result.stdout)
    assert [one[0], four[0]] == ["1", "4"]
    for row in (one, four):
        rate, p50, p95, p99 = map(float, row[1:5])
        assert 0 < p50 <= p95 <= p99
        assert rate * p50 / 1000 == pytest.approx(int(row[0]), rel=0.6)  # as many are on their way as there are clients
    assert one[5].endswith(" ms")
    assert one[6].endswith(" ms")
    assert one[6][0] in "+-"
    assert four[5].endswith(" /s")
    assert 0.02 < float(four[6]) < 20
    assert "0 requests refused; the bare call takes" in result.stdout
    assert "The server holds" in result.stdout


def test_live_frames_are_timed_and_memory_is_told(models):
    result = run_benchmark("--live", "--frames", 100, *models)
    assert result.returncode == 0, result.stderr
    rows = read_rows(result.stdout)
    assert [row[0] for row in rows] == ["1", "10", "50", "100"]
    held = [float(row[1].split()[0]) for row in rows]
    assert [float(row[2].split()[0]) for row in rows] == pytest.approx([one - held[0] for one in held], abs=0.11)
    assert all(20 < one < 2000 for one in held)
    assert all(0 < float(row[3]) <= float(row[4]) <= float(row[5]) for row in rows)
    assert rows[-1][6] == "100.0%"  # the fixed detector's face


def test_each_turn_is_compared_with_its_neighbor(load):
    service = load("service")
    one, eight = service.Turns(), service.Turns()
    for bare, times in ((10, (12, 13, 14)), (20, (23, 21, 90)), (40, (40.5, 41.0, 40.0))):
        one.add([service.Answered(200, time / 1000) for time in times], 1.0, bare)
        eight.add([service.Answered(200 if time < 90 else 503, time / 1000) for time in times], 1.0, bare / 10)
    table = service.tabulate({1: one, 8: eight}, [10.0])
    cells = [list(column.cells) for column in table.columns]
    assert cells[-1] == ["+3.00 ms", "1.50"]  # of +3, +3, +0.5 and of 3.0, 1.5, 0.75
    assert table.caption.startswith("1 requests refused")


def test_a_client_reads_answers_whole_and_keeps_its_connection(load):
    loopback = load("loopback")

    async def answer(reader, writer):
        for number in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(5) == b"bytes", head
            body = b"x" * (70_000 if number else 3)
            writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n" % (200 + 303 * number, len(body)))
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(body)
        writer.close()

    async def ask():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            connection = await loopback.Connection.open(server.sockets[0].getsockname()[1])
            answers = [await connection.ask(loopback.make_request(b"bytes")) for _ in range(2)]
            await connection.close()
            return answers

    first, second = asyncio.run(ask())
    assert (first.status, second.status) == (200, 503)
    assert min(first.took_s, second.took_s) >= 0.02


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--connections", "1,many"], "numbers between commas such as 1,8,64, got '1,many'"),
        (["--turns", "0"], "at least one turn"),
        (["--detector", "no-such.onnx"], "--detector FILE"),
    ],
)
def test_what_it_can_not_do_is_refused(arguments, message):
    result = run_benchmark(*arguments)
    assert result.returncode == 2
    assert message in result.stderr


def test_a_server_that_does_not_start_says_why(load):
    loopback = load("loopback")
    with pytest.raises(SystemExit, match="MIEN_THREADS"), loopback.serve([], {"MIEN_THREADS": "0"}):
        pass

"""Processes whose data, recipe or mien differ are told apart before anything is trained, and each of them says so."""

import json
import os
import subprocess
import sys

import pytest
from torch.distributed import HashStore

from mien.core.errors import RunError
from mien.training.data.importing import import_data
from mien.training.fit import agreement
from mien.training.fit.agreement import Plan, agree, check_alike, hear_first, tell_failure
from mien.training.fit.processes import Processes

ONE, OTHER = "a" * 64, "b" * 64
WORKER = """
import json, os, sys
from pathlib import Path
from mien.core.errors import RunError
from mien.training.fit.recipes import make_recipe
from mien.training.fit.trainer import train

out, *data = sys.argv[1:]
rank = int(os.environ["RANK"])
fields = {"network": "vgg-bn", "options": {"width": 4}, "batch_size": 32, "seed": rank}
try:
    train(make_recipe(fields), Path(data[rank]), Path(out) / "run")
except RunError as error:
    (Path(out) / f"{rank}.txt").write_text(str(error))
"""


@pytest.fixture
def store(monkeypatch):
    """Stand in for the store that torchrun keeps."""
    store = HashStore()
    monkeypatch.setattr(agreement, "_open_store", lambda: store)
    return store


def test_every_process_says_which_of_them_has_what(faces, tmp_path):
    import_data("synthetic", tmp_path / "other", count=70, seed=9)
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(
        [*command, str(tmp_path), str(faces), str(tmp_path / "other")],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / f"{rank}.txt").read_text() for rank in (0, 1))
    assert first == second
    hashes = [json.loads((path / "dataset.json").read_text())["sha256"] for path in (faces, tmp_path / "other")]
    assert f"data: {hashes[0][:12]} in process 0, {hashes[1][:12]} in process 1" in first
    assert "recipe: " in first
    assert "mien: " not in first  # which is the same
    assert not (tmp_path / "run").exists()


def test_equal_plans_are_fine_and_others_are_named_with_their_processes():
    check_alike([Plan(ONE, ONE)] * 3)
    with pytest.raises(RunError, match="recipe: aaaaaaaaaaaa in process 0 and 2, bbbbbbbbbbbb in process 1"):
        check_alike([Plan(ONE, ONE), Plan(ONE, OTHER), Plan(ONE, ONE)])
    with pytest.raises(RunError, match=r"mien: 0\.1\.0 in process 0, 0\.2\.0 in process 1"):
        check_alike([Plan(ONE, ONE, "0.1.0"), Plan(ONE, ONE, "0.2.0")])


def test_a_process_that_trains_alone_asks_nobody(monkeypatch):
    monkeypatch.setattr(agreement, "_open_store", lambda: pytest.fail("there is no store"))
    agree(Processes(), Plan(ONE, ONE))


def test_who_comes_late_to_a_disagreement_says_the_same(store):
    pair = [Processes(rank, 2, rank, 2) for rank in (0, 1)]
    store.set("plan/1", json.dumps(Plan(ONE, OTHER)))
    with pytest.raises(RunError) as first:
        agree(pair[0], Plan(ONE, ONE))
    tell_failure(pair[0], str(first.value))
    with pytest.raises(RunError) as second:
        agree(pair[1], Plan(ONE, OTHER))
    assert str(second.value) == str(first.value)


def test_a_process_that_failed_is_not_waited_for(store):
    tell_failure(Processes(1, 2, 1, 2), "no such data")
    with pytest.raises(RunError, match="process 1 of 2 failed: no such data"):
        agree(Processes(0, 2, 0, 2), Plan(ONE, ONE))


def test_a_process_that_never_comes_is_named(store, monkeypatch):
    monkeypatch.setattr(agreement, "MEETING_S", 0.1)
    with pytest.raises(RunError, match=r"process 1 of 2 has not come within .* own host"):
        agree(Processes(0, 2, 0, 2), Plan(ONE, ONE))


def test_the_first_process_is_heard_only_if_it_spoke(store, monkeypatch):
    monkeypatch.setattr(agreement, "HEARING_S", 0.1)
    assert hear_first() is None
    tell_failure(Processes(1, 2, 1, 2), "of another")
    assert hear_first() is None
    tell_failure(Processes(0, 2, 0, 2), "of the first")
    assert hear_first() == "of the first"

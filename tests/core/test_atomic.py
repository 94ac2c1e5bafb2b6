import errno
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mien.core.atomic import (
    atomic_file,
    atomic_folder,
    check_new_file,
    check_new_folder,
    check_shared_folder,
    write_bytes,
    write_text,
)
from mien.core.errors import InputError

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL, locks and limits of POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def start():
    """Return a function that starts a Python script and waits until it has said "ready"."""
    started = []

    def run(script, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


WRITE_FILE = """
import sys
from pathlib import Path
from mien.core.atomic import atomic_file
with atomic_file(Path(sys.argv[1])) as temporary, temporary.open("wb") as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    file.write(b" and half")
"""

WRITE_FOLDER = """
import sys
from pathlib import Path
from mien.core.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1])) as temporary:
    (temporary / "sub").mkdir()
    (temporary / "sub" / "first").write_bytes(b"1")
    print("ready", flush=True)
    sys.stdin.readline()
    (temporary / "second").write_bytes(b"2")
"""


def test_a_file_is_written_with_the_folders_above_it(tmp_path):
    write_text(tmp_path / "a b" / "ü [1]" / "file.txt", "grün\r\n")
    assert (tmp_path / "a b" / "ü [1]" / "file.txt").read_bytes() == "grün\r\n".encode()
    assert names(tmp_path / "a b" / "ü [1]") == ["file.txt"]


def test_a_file_takes_the_place_of_the_old_one_only_at_the_end(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with atomic_file(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == path.parent
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), InputError("refused")])
def test_an_error_in_the_body_leaves_everything_as_it_was(tmp_path, error):
    write_bytes(tmp_path / "file", b"old")

    def fail(temporary):
        temporary.write_bytes(b"half")
        raise error

    with pytest.raises(type(error)), atomic_file(tmp_path / "file") as temporary:
        fail(temporary)
    with pytest.raises(type(error)), atomic_folder(tmp_path / "folder") as temporary:
        fail(temporary / "inside")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_errors_that_have_nothing_to_do_with_writing_are_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError, match="source"), atomic_file(tmp_path / "file"):
        (tmp_path / "source").read_bytes()
    with pytest.raises(IsADirectoryError), atomic_folder(tmp_path / "folder"):
        tmp_path.read_bytes()
    with pytest.raises(ConnectionError), atomic_file(tmp_path / "file"):
        raise ConnectionResetError(errno.ECONNRESET, "reset by peer")
    assert names(tmp_path) == []


def test_errors_in_writing_name_the_file_that_was_asked_for(tmp_path):
    full = pytest.raises(InputError, match=r"can't write .*file: No space left on device\. Make room")
    with full, atomic_file(tmp_path / "file"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with (
        pytest.raises(InputError, match=r"can't write .*folder: No such file"),
        atomic_folder(tmp_path / "folder") as new,
    ):
        (new / "absent" / "file").write_bytes(b"")
    assert names(tmp_path) == []


@posix
def test_a_full_disk_leaves_the_old_file(tmp_path):
    """The limit makes `write` fail half-way, as a full disk does."""
    write_bytes(tmp_path / "file", b"old")
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from mien.core.atomic import write_bytes\n"
        "from mien.core.errors import InputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_bytes(Path(sys.argv[1]), bytes(100_000))\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "file"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "can't write" in done.stdout
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b""), lambda path: atomic_folder(path).__enter__()])
def test_a_place_below_a_file_is_refused(tmp_path, write):
    (tmp_path / "file").write_bytes(b"in the way")
    for path in (tmp_path / "file" / "new", tmp_path / "file" / "sub" / "new"):
        with pytest.raises(InputError, match="can't write"):
            write(path)


@posix
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(InputError, match="can't write"):
            write_bytes(tmp_path / "file", b"")
        with pytest.raises(InputError, match="no leave to write"):
            check_new_folder(tmp_path / "deep" / "folder")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_file_system_without_room_for_files_is_refused_for_any_user():
    with pytest.raises(InputError, match="can't write /proc/mien"):
        write_bytes(Path("/proc/mien"), b"")


def test_a_folder_in_the_place_of_a_file_is_refused_before_the_body(tmp_path):
    with pytest.raises(InputError, match="it is a folder"), atomic_file(tmp_path):
        pytest.fail("the body ran")


@posix
def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no ordinary file"):
        write_bytes(tmp_path / "pipe", b"")
    assert (tmp_path / "pipe").is_fifo()


@posix
def test_a_pipe_is_no_place_for_a_file():
    script = "from mien.core.atomic import *; from pathlib import Path; check_new_file(Path('/dev/stdout'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "can't write /dev/stdout: it is no ordinary file. Name a place" in done.stderr


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "file")
    write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"new"
    assert names(tmp_path / "there") == ["file"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_who_may_read_a_file_or_folder_may_read_the_new_one_and_nobody_else(tmp_path, mode):
    file, folder = tmp_path / "rows.csv", tmp_path / "report"
    write_text(file, "old")
    file.chmod(mode)
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    with atomic_file(file) as temporary, atomic_folder(folder) as inside:
        for partial in (temporary, inside):
            assert stat.S_IMODE(partial.stat().st_mode) == mode | 0o700, "nor while it is written"
        temporary.write_text("new")
    assert file.read_text() == "new"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, folder)] == [mode, mode]


@pytest.mark.parametrize("name", ["n" * 255, "\u540d" * 85, "a" + "\u540d" * 84])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path, name):
    assert len(os.fsencode(name)) in (253, 255)
    write_text(tmp_path / name, "here")
    with atomic_folder(tmp_path / "folder" / name) as folder:
        (folder / "a").write_text("there")
    assert names(tmp_path) == sorted(["folder", name])
    assert names(tmp_path / "folder") == [name]


@pytest.mark.parametrize("name", ["n" * 256, "a\0b"])
@pytest.mark.parametrize(
    "check", [check_new_file, check_new_folder, check_shared_folder, lambda path: write_text(path, "")]
)
def test_a_name_that_cannot_be_is_refused(tmp_path, name, check):
    with pytest.raises(InputError, match=r"can't write .*Name a place"):
        check(tmp_path / name)


@posix
def test_links_that_lead_in_a_circle_are_refused_and_stay(tmp_path):
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for path in (tmp_path / "itself", tmp_path / "one", tmp_path / "two" / "below"):
        for check in (check_new_file, check_new_folder, check_shared_folder, lambda path: write_bytes(path, b"")):
            with pytest.raises(InputError, match=r"can't write .*: its links lead in a circle"):
                check(path)
        with pytest.raises(InputError, match="in a circle"), atomic_folder(path):
            pytest.fail("the body ran")
    assert names(tmp_path) == ["itself", "one", "two"]
    assert all(path.is_symlink() for path in tmp_path.iterdir())


def test_a_place_is_refused_or_accepted_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(InputError, match="it is a folder"):
        check_new_file(tmp_path)
    for check in (check_new_file, check_new_folder, check_shared_folder):
        with pytest.raises(InputError, match="file is a file"):
            check(tmp_path / "file" / "sub" / "new")
        check(tmp_path / "deep" / "new")
    with pytest.raises(InputError, match="file is a file"):
        check_shared_folder(tmp_path / "file")
    check_new_file(tmp_path / "file")
    check_shared_folder(tmp_path)
    assert names(tmp_path) == ["file"]


@posix
def test_a_process_killed_while_it_writes_leaves_the_old_file_and_no_litter_for_long(tmp_path, start):
    path = tmp_path / "file [1].bin"
    path.write_bytes(b"old")
    for _ in range(2):
        process = start(WRITE_FILE, path)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert path.read_bytes() == b"old"
        assert len(names(tmp_path)) == 2, "the part of the first kill is gone, that of the last is there"
    write_bytes(path, b"new")
    assert names(tmp_path) == ["file [1].bin"]
    assert path.read_bytes() == b"new"


@posix
def test_a_process_killed_while_it_fills_a_folder_leaves_none(tmp_path, start):
    path = tmp_path / "folder [1]"
    process = start(WRITE_FOLDER, path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not path.exists()
    assert len(names(tmp_path)) == 1
    with atomic_folder(path) as temporary:
        (temporary / "file").write_bytes(b"new")
    assert names(tmp_path) == ["folder [1]"]
    assert names(path) == ["file"]


@posix
@pytest.mark.parametrize("script", [WRITE_FILE, WRITE_FOLDER])
def test_a_writer_at_work_in_another_process_is_left_alone(tmp_path, start, script):
    path = tmp_path / "place"
    process = start(script, path)
    (working,) = names(tmp_path)
    with suppress(RuntimeError), atomic_file(path):
        assert working in names(tmp_path)
        raise RuntimeError("so that this one does not take the place")
    process.communicate("go on\n")
    assert process.returncode == 0
    assert names(tmp_path) == ["place"]


def test_of_two_writers_of_a_file_the_last_one_wins(tmp_path):
    path = tmp_path / "file"
    with atomic_file(path) as first:
        first.write_bytes(b"first")
        with atomic_file(path) as second:
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["file"]


def test_of_two_writers_of_a_folder_the_first_one_wins(tmp_path):
    path = tmp_path / "folder"

    def write_late():
        with atomic_folder(path) as late:
            (late / "late").write_bytes(b"")
            with atomic_folder(path) as early:
                (early / "early").write_bytes(b"")

    with pytest.raises(InputError, match="can't write"):
        write_late()
    assert names(path) == ["early"]
    assert names(tmp_path) == ["folder"]


def test_many_threads_never_mix_their_files(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([number]) * 10_000 for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda content: write_bytes(path, content), contents):
            assert path.read_bytes() in contents
    assert names(tmp_path) == ["file"]


def test_a_folder_is_made_or_an_empty_one_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "deep" / "new"):
        with atomic_folder(path) as temporary:
            (temporary / "file").write_bytes(b"1")
            assert not (path / "file").exists()
        assert names(path) == ["file"]


def test_a_folder_that_is_in_use_is_refused_before_the_body(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "here").mkdir()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="exists already"), atomic_folder(path):
            pytest.fail("the body ran")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="while it is in use"), atomic_folder(Path()):
        pytest.fail("the body ran")

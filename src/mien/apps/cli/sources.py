"""Which pictures the paths on a command line mean: files, folders, and globs that no shell expanded."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from mien.apps.cli.outputs import printable
from mien.core.errors import InputError, UnreadableMediaError
from mien.inference.media.addresses import refuse_address
from mien.inference.media.listing import list_pictures
from mien.inference.media.pictures import SUFFIXES

Source: TypeAlias = tuple[Path, Path]
"""A picture's path, and its path below what was named: the folder, or the part of a glob that holds no wildcard."""

UNREAD_SUFFIXES: Final = frozenset(
    f".{name}" for name in ("heic", "heif", "cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "svg", "psd")
)
"""Pictures to those who took or drew them, which mien does not read: it says so, rather than find nothing."""

_WILDCARDS: Final = frozenset("*?[")

_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What the system says where there is no such folder or file; anything else means that it won't tell."""

_Entry: TypeAlias = tuple[str, str]
_OnUnlisted: TypeAlias = Callable[[Path, str], None]


class Found(NamedTuple):
    """What the paths mean.

    Attributes:
        pictures: Each once, in their order.
        is_complete: False if a folder could not be listed, so that there may be more.
    """

    pictures: list[Source]
    is_complete: bool


def find_sources(paths: Iterable[str], drawn_into: Path | None = None) -> Found:
    """Find the pictures that the paths mean, in their order, and say on standard error what was left out.

    A file is itself; a folder means its picture files at any depth; a glob (`*`, `?`, `[a-c]`, and `**` for folders at
    any depth) means the picture files it matches, and those of the folders it matches. What exists under a name goes
    before what the name means as a glob. A picture that several paths mean is taken once, where it comes first.

    A folder that can't be listed is left out, unless it is named itself.

    Args:
        paths: As written on the command line.
        drawn_into: The folder for annotated pictures: what lies in it was drawn by an earlier run, and is left out.

    Raises:
        InputError: If there are none, a path is empty, or one is an address.
        UnreadableMediaError: If a folder that is named, or the one in which a glob begins, can't be listed.
    """
    sources: dict[_Entry, Source] = {}
    left_out = _LeftOut(drawn_into)
    fruitless: list[str] = []
    for name in paths:
        if not name:
            raise InputError("one of the paths is empty. Name picture files, or . for the current folder.")
        refuse_address(printable(name))
        entries = [(_entry_of(source[0]), source) for source in _find_named(name, left_out)]
        found = [(entry, source) for entry, source in entries if not left_out.takes_drawn(entry)]
        if not found:
            fruitless.append(printable(name))
        for entry, source in found:
            sources.setdefault(entry, source)
    notes = left_out.describe(sources)
    if not sources:
        said = "".join(f" {note[0].upper()}{note[1:]}." for note in notes)
        remedy = "Name picture files, or a folder that holds some."
        if left_out.drawn:
            remedy = "Name another folder for --annotate, or other pictures."
        raise InputError(f"no pictures found in {', '.join(fruitless)}.{said} {remedy}")
    for note in [*(f"no pictures in {name}" for name in fruitless), *notes]:
        print(f"mien: note: {note}", file=sys.stderr)
    return Found(list(sources.values()), not left_out.unlisted)


class _LeftOut:
    """What was found and not taken.

    Attributes:
        unlisted: Folders that can't be listed, each with the reason.
        unread: Pictures that mien can't read, each with its suffix.
        drawn: Pictures in the folder for annotated ones.
    """

    def __init__(self, drawn_into: Path | None) -> None:
        self._drawn_into = drawn_into
        self._real = None if drawn_into is None else os.path.normcase(os.path.realpath(drawn_into))
        self.unlisted: dict[Path, str] = {}
        self.unread: dict[_Entry, str] = {}
        self.drawn: set[_Entry] = set()

    def takes_drawn(self, entry: _Entry) -> bool:
        """Whether an entry lies in the folder for annotated pictures; it is counted then."""
        if self._real is None or not Path(entry[0]).is_relative_to(self._real):
            return False
        self.drawn.add(entry)
        return True

    def describe(self, taken: Iterable[_Entry]) -> list[str]:
        """Return a phrase for each folder, each kind of file; not for what another path named after all."""
        notes = [
            f"the folder {printable(str(folder))} can't be listed and was left out: {reason}"
            for folder, reason in self.unlisted.items()
        ]
        kinds = Counter(self.unread[entry] for entry in self.unread.keys() - set(taken))
        if kinds:
            counts = ", ".join(f"{number:,} {suffix}" for suffix, number in sorted(kinds.items()))
            they = "file was left out; save it" if kinds.total() == 1 else "files were left out; save them"
            notes.append(f"{counts} {they} as JPEG or PNG")
        if self.drawn:
            they = "picture was left out that lies" if len(self.drawn) == 1 else "pictures were left out that lie"
            notes.append(f"{len(self.drawn):,} {they} in {printable(str(self._drawn_into))}, the folder of --annotate")
        return notes


def _find_named(name: str, left_out: _LeftOut) -> list[Source]:
    """Return the pictures that one path means."""
    path = Path(name)
    is_glob = _has_wildcard(name) and not os.path.lexists(path)
    root, parts = _split_at_wildcard(path) if is_glob else (path, ())
    # Who writes *.dat says that these are pictures; who writes * does not.
    ending = None if not path.suffix or _has_wildcard(path.suffix) else path.suffix.lower()

    def leave_out(folder: Path, reason: str) -> None:
        if folder == root:
            raise UnreadableMediaError(f"the folder {folder} can't be listed: {reason}.")
        left_out.unlisted.setdefault(folder, reason)

    found: set[Path] = set()
    for match in _match(root, parts, leave_out) if is_glob else [path]:
        for file in list_pictures(match, SUFFIXES | UNREAD_SUFFIXES, leave_out):
            suffix = file.suffix.lower()
            if suffix in SUFFIXES or (file == match and (suffix == ending or not is_glob)):
                found.add(file)
            elif suffix in UNREAD_SUFFIXES:
                left_out.unread[_entry_of(file)] = suffix
    return [(file, _below(root, file)) for file in sorted(found)]


def _below(root: Path, file: Path) -> Path:
    """Return a file's path below what was named; its name alone if it is that itself, or lies elsewhere by `..`."""
    relative = Path(file.name) if file == root else file.relative_to(root)
    return Path(file.name) if ".." in relative.parts else relative


def _entry_of(path: Path) -> tuple[str, str]:
    """Return what two paths share if they are one entry of one folder; links are entries of their own."""
    return os.path.normcase(os.path.realpath(path.parent)), os.path.normcase(path.name)


def _has_wildcard(name: str) -> bool:
    return not _WILDCARDS.isdisjoint(name)


def _split_at_wildcard(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the folder before the first name that holds a wildcard and doesn't exist, and the names from there on."""
    root = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    for number, part in enumerate(parts):
        if _has_wildcard(part) and not os.path.lexists(root / part):
            return root, parts[number:]
        root /= part
    return root, ()


def _match(folder: Path, parts: tuple[str, ...], on_unlisted: _OnUnlisted) -> Iterator[Path]:
    """Yield what is in a folder and matches the rest of a glob; wildcards don't stand for a name's leading dot."""
    if not parts:
        if _exists(folder, on_unlisted):
            yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**" and rest:
        for inner in _walk(folder, on_unlisted):
            yield from _match(inner, rest, on_unlisted)
    elif part == "**":
        yield from _match(folder, (), on_unlisted)  # a folder means what is in it at any depth
    elif not _has_wildcard(part) or os.path.lexists(folder / part):
        yield from _match(folder / part, rest, on_unlisted)
    else:
        for name in _list_names(folder, on_unlisted):
            if fnmatch(name, part) and (part.startswith(".") or not name.startswith(".")):
                yield from _match(folder / name, rest, on_unlisted)


def _exists(path: Path, on_unlisted: _OnUnlisted) -> bool:
    """Whether there is something, if its folder tells."""
    try:
        path.lstat()
    except OSError as error:
        if error.errno not in _NOTHING_THERE:
            on_unlisted(path.parent, error.strerror or str(error))
        return False
    return True


def _list_names(folder: Path, on_unlisted: _OnUnlisted) -> list[str]:
    """Return the names in a folder; none if it is no folder, or can't be listed."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError as error:
        if error.errno not in _NOTHING_THERE:
            on_unlisted(folder, error.strerror or str(error))
        return []


def _walk(folder: Path, on_unlisted: _OnUnlisted) -> Iterator[Path]:
    """Yield a folder and those in it at any depth, links too, but none twice: a link may lead back."""

    def tell(error: OSError) -> None:
        if error.errno not in _NOTHING_THERE:
            on_unlisted(Path(error.filename or folder), error.strerror or str(error))

    entered: set[str] = set()
    for inner, subfolders, _ in os.walk(folder, followlinks=True, onerror=tell):
        real = os.path.realpath(inner)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield Path(inner)

"""Any folder of class folders, or a .zip of one: CLASS/pictures, or PART/CLASS/pictures.

The name of a class folder is the label of all pictures in it, however deep. Top folders that are all words for a part
(`PART_WORDS`) hold the class folders of that part. Part and label follow from names alone, so that nothing is read
before all of it is settled.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import order_labels
from mien.training.data.files import PictureFile
from mien.training.data.sources.cutting import FaceCutter
from mien.training.data.sources.packed import OnProgress
from mien.training.data.sources.pictures import PictureForm, as_text, read_pictures
from mien.training.data.sources.rows import Rows
from mien.training.data.sources.tree import Listing, Tree
from mien.training.data.table import SPLITS, UNUSED, Split

PART_WORDS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training", "trainset", "train_set"),
    "validation": ("validation", "val", "valid", "dev", "valset", "val_set", "valid_set", "publictest"),
    "test": ("test", "testing", "eval", "evaluation", "testset", "test_set", "privatetest"),
}
"""Names of folders, in lower case, that stand for a part."""

MAX_CLASSES = 1000
LISTED = 5
"""How many names a message lists."""

LICENSE = "Pictures of the user's own choice, under their own terms, which mien does not know."


@dataclass(frozen=True)
class LabeledFile:
    """A picture file with what its folders say of it.

    Attributes:
        part: Position in `SPLITS`, or `UNUSED` where the tree makes no parts.
        file: Its path in the tree.
        label: Position in the labels.
    """

    part: int
    file: str
    label: int


@dataclass(frozen=True)
class ClassFolders:
    """A tree whose every picture has its label.

    Attributes:
        files: By part, within a part by path: the same order on every file system.
        labels: In the order of their numbers.
        name: Name of the data set.
        license: Its terms, in a sentence.
    """

    files: tuple[LabeledFile, ...]
    labels: tuple[str, ...]
    name: str
    license: str = LICENSE

    @property
    def parts(self) -> frozenset[int]:
        """The parts that the tree makes; empty if it makes none."""
        return frozenset(file.part for file in self.files) - {UNUSED}


def find_class_folders(listing: Listing, path: Path) -> ClassFolders:
    """Give each picture of a tree its part and its label.

    Args:
        listing: What the tree holds.
        path: The tree, for messages and for the name of the data set.

    Raises:
        DataError: If there are no pictures, fewer than two classes or too many; if a class has no pictures, or a
            picture no class; if class names differ only by case, or can't be printed on a line.
    """
    if not listing.pictures:
        advice = f"Name the file {listing.tables[0]} in it." if listing.tables else "Name a folder of class folders."
        raise DataError(f"{path} holds no picture files. {advice}")
    below = _nest(listing.folders)
    holding = {file.rpartition("/")[0] for file in listing.pictures}
    root = _find_root(below, holding)
    part_of = _find_parts(path, root, holding)
    strays = [file for file in listing.pictures if len(_steps(file, root)) < (3 if part_of else 2)]
    advice = "Name the folder that holds the class folders, and leave no picture beside them."
    _refuse(path, strays, "in no class folder, and so without a label", advice)

    places = [_join(root, top) for top in part_of] or [root]
    labels = _name_labels(path, [{_compose(name) for name in below[place]} for place in places])
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels.values()))}
    files: list[LabeledFile] = []
    for file in listing.pictures:
        steps = _steps(file, root)
        part = part_of[steps.pop(0)] if part_of else UNUSED
        files.append(LabeledFile(part, file, numbers[labels[_compose(steps[0])]]))
    filled = {file.label for file in files}
    empty = [name for name, label in labels.items() if numbers[label] not in filled]
    _refuse(path, empty, "class folders without pictures", "Add some, or remove the folder.")
    if len(numbers) < 2:
        raise DataError(f"{path}: all pictures are of one class, {labels.popitem()[1]}; it takes two or more.")
    name = _name(path).removesuffix(".zip")
    return ClassFolders(
        files=tuple(sorted(files, key=lambda file: (file.part, file.file))),
        labels=tuple(numbers),
        name="".join(letter if letter.isprintable() else "?" for letter in name) or "pictures",
    )


def read_class_folders(
    tree: Tree,
    found: ClassFolders,
    form: PictureForm,
    on_progress: OnProgress | None = None,
    cutter: FaceCutter | None = None,
) -> Rows:
    """Read the pictures of class folders; files that can't be used are left out and noted.

    Args:
        tree: Where the files lie.
        found: What its folders say of them.
        form: What the pictures are brought to.
        on_progress: Told the files done, and their number.
        cutter: Cuts the face out of each picture; None to take pictures whole.

    Raises:
        DataError: If the pictures don't fit into memory, or no picture of a class can be used.
        ModelError: If the detector fails.
    """
    with tree.open() as read:
        images, notes = read_pictures(read, [file.file for file in found.files], form, on_progress, cutter)
    used = [file for file, note in zip(found.files, notes, strict=True) if note.row is not None]
    labels = np.array([file.label for file in used], np.int16)
    lost = {file.label for file in found.files} - set(labels.tolist())
    for label in sorted(lost):
        mine = [note for file, note in zip(found.files, notes, strict=True) if file.label == label]
        raise _refuse_class(tree.path, found.labels[label], mine)
    return Rows(
        images=images,
        labels=labels,
        parts=np.array([file.part for file in used], np.uint8),
        name=found.name,
        license=found.license,
        label_names=found.labels,
        source=_name(tree.path),
        files=notes,
        faces=cutter.facts if cutter else None,
    )


def _refuse_class(path: Path, label: str, files: Sequence[PictureFile]) -> DataError:
    """Return the error for a class of which nothing is left. That faces are missing says more than a broken file."""
    file = min(files, key=lambda file: file.is_unreadable)
    if file.is_unreadable:
        return DataError(f"{path}: no picture of {label} can be read, such as {file.file}: {file.problem}")
    return DataError(
        f"{path}: no photo of {label} shows one clear face, such as {file.file}: {file.problem}. If they are faces "
        "that are cut out already, leave out --faces; else name another --detector, or remove the class folder."
    )


def _name(path: Path) -> str:
    """Return the name of a folder, though it be called `.` or `..`."""
    return as_text(path.name if path.name not in ("", "..") else path.resolve().name)


def _nest(folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the folders in each folder; the tree itself is ""."""
    below: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        above, _, name = folder.rpartition("/")
        below[above].append(name)
    return below


def _find_root(below: dict[str, list[str]], holding: Collection[str]) -> str:
    """Return the folder with the class or part folders: the tree, unless all of it is wrapped in a lone folder.

    Args:
        below: As `_nest` returns.
        holding: The folders in which pictures lie directly.
    """
    root = ""
    while len(below[root]) == 1 and root not in holding:
        name = below[root][0]
        inner = _join(root, name)
        is_part = _find_part(name) is not None and any(_find_part(deeper) is None for deeper in below[inner])
        if inner in holding or is_part:
            break
        root = inner
    return root


def _find_parts(path: Path, root: str, holding: Collection[str]) -> dict[str, int]:
    """Return the parts that the top folders stand for; empty if these are the classes.

    Raises:
        DataError: If some are parts and others are not, so that nobody can tell classes from parts.
    """
    tops = {_steps(folder, root)[0] for folder in holding if folder != root}
    parts = {top: part for top in sorted(tops) if (part := _find_part(top)) is not None}
    if len(parts) == len(tops):
        return parts
    without_classes = [top for top in parts if _join(root, top) not in holding]
    if without_classes:
        raise DataError(
            f"{path}: {_list(without_classes)} is named like a part, but {_list(tops - parts.keys())} beside it is "
            "not. Put the class folders side by side, or into folders named train, validation and test."
        )
    return {}


def _find_part(name: str) -> int | None:
    """Return the part that a folder's name stands for, as a position in `SPLITS`."""
    return next((SPLITS.index(part) for part, words in PART_WORDS.items() if name.casefold() in words), None)


def _name_labels(path: Path, groups: Sequence[Collection[str]]) -> dict[str, str]:
    """Return the label of each class folder; `groups` are the names in each part.

    Raises:
        DataError: If there are too many, or a name can't be printed, or differs from another only by case.
    """
    names = sorted(set().union(*groups))
    if len(names) > MAX_CLASSES:
        raise DataError(f"{path}: {len(names)} class folders; data sets may have {MAX_CLASSES} classes.")
    for name in names:
        if not name.isprintable() or not name.strip():
            raise DataError(f"{path}: the class folder {name!r} has a name that can't be printed. Rename it.")
    labels = order_labels(*groups)
    spellings: dict[str, str] = {}
    for label in labels.values():
        other = spellings.setdefault(label.casefold(), label)
        if other != label:
            raise DataError(
                f"{path}: the class folders {other} and {label} differ only by case. Rename one, or put their pictures "
                "together."
            )
    return labels


def _refuse(path: Path, names: Collection[str], what: str, advice: str) -> None:
    if names:
        raise DataError(f"{path}: {what}: {_list(names)}. {advice}")


def _list(names: Collection[str]) -> str:
    """Return the first names, sorted, for a message on one line."""
    shown = [name if name.isprintable() else repr(name) for name in sorted(names)[:LISTED]]
    return ", ".join(shown) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def _steps(path: str, root: str) -> list[str]:
    """Return the names on the way from the root to a file or folder in it."""
    return (path[len(root) + 1 :] if root else path).split("/")


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _compose(name: str) -> str:
    """Return the one spelling of a name with accents, which file systems write in two ways."""
    return unicodedata.normalize("NFC", name)

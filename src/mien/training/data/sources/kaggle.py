"""FER2013 as Kaggle's folders of pictures: train/ and test/, each with the seven class folders; or the .zip of them.

Its test/ holds PublicTest and PrivateTest together; where the files still have their names (`PublicTest_8514439.jpg`,
`PrivateTest_10131363.jpg`), these give the official parts back. Its folders sort as the alphabet does; the labels are
FER2013's, in FER2013's order.

Source: https://www.kaggle.com/datasets/msambare/fer2013
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from mien.core.labels import EXPRESSIONS
from mien.training.data.sources.class_folders import ClassFolders, LabeledFile
from mien.training.data.sources.fer2013 import LICENSE, PARTS
from mien.training.data.table import SPLITS

TRAIN, TEST = SPLITS.index("train"), SPLITS.index("test")
PICTURES = {TRAIN: 28_709, TEST: 7_178}
"""How many there are in the whole copy."""

NAME = re.compile(r"(?:.*/)?(PublicTest|PrivateTest)_[0-9]+\.\w+")
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")


def name_kaggle_copy(found: ClassFolders) -> ClassFolders:
    """Say what a tree is if it is Kaggle's copy of FER2013, and give its official parts back.

    Args:
        found: Any tree of class folders.

    Returns:
        The same with FER2013's name, terms and labels, all seven even if some are absent, and where the files' names
        tell them its parts; any other tree as it is. Kaggle's copy has train and test, no labels but the seven, and its
        own file names or number of pictures.
    """
    if found.parts != {TRAIN, TEST} or not set(found.labels) <= set(EXPRESSIONS):
        return found
    tests = [file.file for file in found.files if file.part == TEST]
    official = {file: PARTS[name[1]] for file in tests if (name := NAME.fullmatch(file))}
    if len(official) < len(tests):
        if Counter(file.part for file in found.files) != PICTURES:
            return found
        official = {}  # some names are others', so that none can be trusted: test stays test
    numbers = [EXPRESSIONS.index(label) for label in found.labels]
    files = [LabeledFile(official.get(file.file, file.part), file.file, numbers[file.label]) for file in found.files]
    is_jpeg = any(file.file.lower().endswith(JPEG_SUFFIXES) for file in files)
    return replace(
        found,
        files=tuple(sorted(files, key=lambda file: (file.part, file.file))),
        labels=EXPRESSIONS,
        name="FER2013",
        license=LICENSE + (" Its JPEG copies, whose pixels differ a little from the table's." if is_jpeg else ""),
    )

"""What an imported data set says of itself: `dataset.json`, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mien.core.card import Sha256
from mien.core.errors import DataError

MANIFEST_FILE = "dataset.json"
_Form = TypeVar("_Form", bound=BaseModel)
AGAIN = "Import the data again."


class CutFaces(BaseModel):
    """That the pictures are faces which were cut out of photos at the import, and how.

    Attributes:
        detector: Name of the model that found them, as its card says.
        detector_sha256: Hash of its file.
        choice: Which face of a photo was taken, in a sentence.
        crop: How it lies in its crop, in a sentence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    detector: str
    detector_sha256: Sha256
    choice: str
    crop: str


class Manifest(BaseModel):
    """What `dataset.json` says.

    Attributes:
        schema_version: Version of this form.
        name: Name of the data set, such as "FER2013".
        license: Its terms, in a sentence; copied to the card of what is trained on it.
        source: Name of the file it was imported from.
        labels: In the order of the numbers in the table.
        has_votes: Whether FER+ was joined.
        split: The rule that was used, such as "official" or "80/20".
        seed: Seed of a split or of pictures that we drew, else None.
        sha256: Hash of table and images together.
        faces: How the faces were cut out of photos; None for pictures that were taken whole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: str
    license: str
    source: str
    labels: tuple[str, ...] = Field(min_length=2)
    has_votes: bool
    split: str
    seed: int | None = None
    sha256: Sha256
    faces: CutFaces | None = None

    @field_validator("labels")
    @classmethod
    def _labels_are_distinct(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) != len(labels):
            raise ValueError("labels must differ")
        return labels

    def to_json(self) -> str:
        """Return the text of `dataset.json`; without `faces` where none were cut, as before there was this field."""
        return self.model_dump_json(indent=2, exclude={"faces"} if self.faces is None else None) + "\n"


def read_manifest(folder: Path, form: type[_Form]) -> _Form:
    """Read a data set's `dataset.json`.

    Args:
        folder: The data set's.
        form: What it should say.

    Raises:
        DataError: If there is none, or it is broken; names the field.
    """
    try:
        return form.model_validate_json((folder / MANIFEST_FILE).read_bytes())
    except OSError as error:
        raise read_error(folder, MANIFEST_FILE, error) from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{folder / MANIFEST_FILE}: {field}: {first['msg']}, got {first['input']!r:.60}. {AGAIN}"
        ) from None


def read_error(folder: Path, name: str, error: OSError) -> DataError:
    """Return the error for a file of a data set that is missing, or that the system does not let us read.

    Args:
        folder: The data set's.
        name: The file's, inside it.
        error: What the system said.
    """
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return DataError(
            f"{folder} is no imported data set: {name} is missing. Run: mien data import SOURCE --out {folder}"
        )
    return DataError(f"{folder / name} can't be read: {error.strerror or error}. {AGAIN}")

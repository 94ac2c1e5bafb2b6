"""Whose answers a run imitates: what its folder notes of its teachers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from mien.core.card import Sha256
from mien.core.errors import RunError
from mien.training.fit.run import Run


class Teacher(BaseModel):
    """One of those that `teachers.json` names.

    Attributes:
        source: The path or name that was given.
        sha256: Hash of the file.
        trained_on: Name and terms of the data that it was trained on.
        data_sha256: Hash of these data.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    sha256: Sha256
    trained_on: tuple[str, str]
    data_sha256: Sha256


class Taught(BaseModel):
    """What `teachers.json` says: whose answers a run imitates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    teachers: tuple[Teacher, ...]

    def summary(self) -> str:
        """Return it in a sentence."""
        return f"taught by the answers of {', '.join(teacher.source for teacher in self.teachers)}"


def read_taught(run: Run) -> Taught | None:
    """Read whose answers a run imitates; None if nobody's.

    Raises:
        RunError: If the run's note of it is broken.
    """
    return run.read_note(run.teachers_path, Taught) if run.teachers_path.exists() else None


def check_unchanged(run: Run, taught: Taught) -> None:
    """Refuse other teachers than those that a run was begun with.

    Raises:
        RunError: If one of them is another now, or the note of them can't be read.
    """
    begun = read_taught(run) if run.is_started else None
    for before, now in zip(begun.teachers, taught.teachers, strict=False) if begun else ():
        if before.sha256 != now.sha256:
            raise RunError(
                f"{run.path} was begun with the teacher of sha256 {before.sha256[:12]} in {before.source}, and there "
                f"is another now ({now.sha256[:12]}). Put the first one back, or name another folder."
            )

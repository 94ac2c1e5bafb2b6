"""Every error that mien raises on purpose, in one tree.

MienError
├── InputError(ValueError)            a picture, video or argument that can't be used
│   └── UnreadableMediaError          truncated, not a picture, too many bytes
│       ├── MissingMediaError         there is no such file
│       └── OversizedMediaError       more pixels, or a longer side, than are read
├── ModelError
│   ├── CardError                     missing, wrong version, at odds with the graph
│   └── ProviderError                 the execution provider asked for is absent
├── DataError                         rows, labels, leakage: names the file, the row, the column
├── RecipeError(ValueError)           an unknown field, a wrong type, an impossible value
├── RunError                          a run folder that exists, is missing, or is another recipe's
└── MissingExtraError(ImportError)    the exact pip line that helps

A message says what was wrong, the value seen, and what to do. Each class has a stable `code` for JSON.
Advice that serves only who names files stands apart: clients of the service send them, and aren't told it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class MienError(Exception):
    """Anything that mien refuses to do; its text is meant for people.

    Attributes:
        what: What was wrong; all of the text but `advice`.
        advice: The sentence after it that serves only who names files, at a command line or in Python; or None.
    """

    code: ClassVar[str] = "error"

    def __init__(self, what: str = "", *, advice: str | None = None) -> None:
        """Say what was wrong; see the attributes."""
        super().__init__(what if advice is None else f"{what} {advice}")
        self.what = what
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        """Let every error of the tree come out of another process, whatever its class is made from."""
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[MienError], args: tuple[Any, ...]) -> MienError:
    """Make an error again from its text; its attributes follow, so nothing is composed twice."""
    return kind.__new__(kind, *args)


class InputError(MienError, ValueError):
    """A picture, video or argument that can't be used."""

    code = "bad_input"


class UnreadableMediaError(InputError):
    """A file or bytes that are truncated, not a picture, or too large."""

    code = "unreadable_media"


class MissingMediaError(UnreadableMediaError):
    """A picture or video that isn't there."""

    code = "missing_media"


class OversizedMediaError(UnreadableMediaError):
    """A picture with more pixels, or a longer side, than are read; a smaller one of the same would be."""

    code = "too_many_pixels"


class ModelError(MienError):
    """A model file that can't be loaded or run."""

    code = "bad_model"


class CardError(ModelError):
    """A model card that is missing, of another version, or at odds with its graph."""

    code = "bad_card"


class ProviderError(ModelError):
    """The ONNX Runtime execution provider that was asked for is absent."""

    code = "missing_provider"


class DataError(MienError):
    """Rows, labels or splits that can't be right; names the file, the row and the column."""

    code = "bad_data"


class RecipeError(MienError, ValueError):
    """A recipe with an unknown field, a wrong type or an impossible value."""

    code = "bad_recipe"


class RunError(MienError):
    """A run folder that exists already, is missing, or belongs to another recipe."""

    code = "bad_run"


class MissingExtraError(MienError, ImportError):
    """A command whose optional packages are absent; names the pip line that helps."""

    code = "missing_extra"

    def __init__(self, extra: str, missing: str) -> None:
        """Name what is absent and the line that installs it.

        Args:
            extra: The extra of mien that holds the package, such as "train".
            missing: The package that could not be imported.
        """
        super().__init__(
            f"this needs the package {missing!r}, which is not installed. Run: pip install 'mien[{extra}]' "
            f"(in a checkout of mien: pip install '.[{extra}]')"
        )
        self.extra = extra

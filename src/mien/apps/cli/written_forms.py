"""Which form each flag writes, and names that promise another."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mien.core.errors import InputError

FORMS: Final[dict[str, tuple[str, ...]]] = {
    "--report": (".html", ".htm"),
    "--insights": (".json",),
    "--parquet": (".parquet", ".pq"),
    "--csv": (".csv", ".txt", ".tsv", ".dat", ".log"),
}
"""By flag the suffixes of what it writes; the first is the one to name."""


def refuse_other_form(flag: str, path: Path) -> None:
    """Refuse a name that promises another form, such as a PDF file; one that promises none will do.

    Args:
        flag: What the file was named by.
        path: The file.

    Raises:
        InputError: If its suffix is of another form; says which to name.
    """
    suffix, forms = path.suffix.lower(), FORMS.get(flag)
    if suffix and forms is not None and suffix not in forms:
        what = forms[0].removeprefix(".").upper()
        raise InputError(f"{flag} writes {what}, and {path} sounds like another form. Name it {path.stem}{forms[0]}.")

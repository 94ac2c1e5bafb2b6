"""Where pages come from: the templates, with every text escaped and nothing missing passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from jinja2 import Environment


def open_environment() -> Environment:
    """Return the templates with the filters that all pages share.

    Raises:
        MissingExtraError: Without the extra "report".
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ModuleNotFoundError:
        raise MissingExtraError("report", "Jinja2") from None
    environment = Environment(
        loader=PackageLoader("mien.apps.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment

"""What a person is told of a wrong call, in the words of the command line: verbs and flags, and no names of Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError, CycloptsPanel, UnknownCommandError, UnusedCliTokensError
from rich.console import RenderableType
from rich.markup import escape

from mien.core.spelling import find_meant

VARIABLE_PREFIX: Final = "MIEN_"
"""Of the variables of the environment that some flags have: `MIEN_PORT` is that of `--port`."""


def explain(error: CycloptsError) -> RenderableType:
    """Say what is wrong with a call; values of a recipe's flags in our own words instead of pydantic's."""
    if isinstance(error, UnknownCommandError) and error.app is not None and error.unused_tokens:
        return CycloptsPanel(_explain_unknown(error.unused_tokens[0], list(error.app)))
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return CycloptsPanel(_explain_unused(error.unused_tokens))
    find_problems = getattr(error.__cause__, "errors", None)
    if find_problems is None:
        return CycloptsPanel(error)
    problems = [
        f"--{'.'.join(str(part).replace('_', '-') for part in problem['loc'])}: {problem['msg'].lower()}, "
        f"got {problem['input']!r}"
        for problem in find_problems()
    ]
    return escape(f"mien: error: {'; '.join(problems)}")


def name_flags(message: str, app: App, tokens: Sequence[str]) -> str:
    """Return an error's message with the flags of the call in place of Python's names for them.

    What refuses a value doesn't know whether it came from Python or from a command line. Only flags that were given are
    named: another value is a recipe's, or that of a variable of the environment.

    Args:
        message: As it was raised, such as "min_score lies between 0 and 1, got 2.0."
        app: The command line.
        tokens: What stands behind `mien` in the call.

    Returns:
        Such as "--min-score lies between 0 and 1, got 2.0."
    """
    given = {token.partition("=")[0].replace("_", "-") for token in tokens if token.startswith("--")}
    if not given:
        return message
    _, apps, _ = app.parse_commands(tokens)
    if apps[-1].default_command is None:
        return message
    for argument in apps[-1].assemble_argument_collection():
        name, flag = argument.field_info.name, next((flag for flag in argument.names if flag in given), None)
        if flag is not None:
            message = re.sub(_find_name(name), flag, message)
    return message


def _find_name(name: str) -> str:
    """Return the pattern of a Python name that isn't part of a path or a quotation.

    A name without an underscore is a word of English, too: it counts where the message begins with it.
    """
    variable = rf"\b{VARIABLE_PREFIX}{name.upper()}(?=:)"
    if "_" in name:
        return rf"{variable}|(?<![\w./\\'\"-]){name}(?![\w/\\'\"-]|\.\w)"
    return rf"{variable}|^{name}(?= (?:is|has to|lies) )"


def _explain_unused(tokens: Sequence[str]) -> str:
    """Say where words belong that stand behind a flag that takes none, or are more than a verb takes."""
    shown = ", ".join(f'"{token}"' for token in tokens)
    they = "was" if len(tokens) == 1 else "were"
    return f"{shown} {they} not expected there. What is read stands first, together; flags and their values follow."


def _explain_unknown(token: str, names: Sequence[str]) -> str:
    """Name the verb that was probably meant; cyclopts would load the modules of all of them, and some need extras."""
    verbs = [name for name in names if not name.startswith("-")]
    meant = find_meant(token, names)
    question = f' Did you mean "{meant}"?' if meant else ""
    return f'Unknown command "{token}".{question} Available commands: {", ".join(verbs)}.'

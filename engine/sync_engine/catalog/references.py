"""References in settings: ``${NAME}`` to the environment, ``${file:/path}`` to a file; ``$${`` writes ``${`` itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_engine.problems import problem
from sync_engine.sdk.problem import Origin, Problem

MAX_SECRET_BYTES = 64_000

_PART = re.compile(r"(?P<escaped>\$\$\{)|\$\{(?P<inside>[^{}]*)\}|(?P<open>\$\{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a variable of the environment."""

    name: str


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A reference to the content of a file."""

    path: str


class Malformed(ValueError):
    """A text holds something that is neither a reference nor plain; says why."""


def parts(text: str) -> list[str | Variable | SecretFile]:
    """A setting's text as plain pieces and references.

    Raises:
        Malformed: a reference is not closed, or names nothing.
    """
    found: list[str | Variable | SecretFile] = []
    end = 0
    for match in _PART.finditer(text):
        found.append(text[end : match.start()])
        found.append("${" if match["escaped"] else _reference(match["inside"]))
        end = match.end()
    found.append(text[end:])
    return [each for each in found if each != ""]


def _reference(inside: str | None) -> Variable | SecretFile:
    if inside is None:
        raise Malformed("`${` is not closed by `}`")
    if inside.startswith("file:"):
        path = inside.removeprefix("file:")
        if not Path(path).is_absolute():
            raise Malformed(f"`file:{path}` needs an absolute path")
        return SecretFile(path)
    if not _NAME.fullmatch(inside):
        raise Malformed(f"`{inside}` is no name of a variable")
    return Variable(inside)


def is_plain(text: str) -> bool:
    """Whether a text holds no reference; a malformed one counts as reference."""
    try:
        return all(isinstance(each, str) for each in parts(text))
    except Malformed:
        return False


def unescaped(text: str) -> str:
    """A text without references as it is meant: ``$${`` is ``${``."""
    return "".join(each for each in parts(text) if isinstance(each, str))


def substitute(text: str, environ: Mapping[str, str], origin: Origin) -> str | list[Problem]:
    """The text with its references replaced, or a problem for each that cannot be.

    Args:
        text: without malformed references.
        environ: variables by name.
        origin: where the text was written.
    """
    values = [each if isinstance(each, str) else _value(each, environ, origin) for each in parts(text)]
    problems = [each for each in values if isinstance(each, Problem)]
    return problems or "".join(each for each in values if isinstance(each, str))


def _value(reference: Variable | SecretFile, environ: Mapping[str, str], origin: Origin) -> str | Problem:
    if isinstance(reference, Variable):
        value = environ.get(reference.name)
        if value:
            return value
        return problem("SE608", origin, variable=reference.name, state="not set" if value is None else "empty")
    try:
        with Path(reference.path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        if len(content) > MAX_SECRET_BYTES:
            return problem("SE609", origin, file=reference.path, reason="it is larger than 64 kB")
        value = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return problem("SE609", origin, file=reference.path, reason="it is not UTF-8 text")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return problem("SE609", origin, file=reference.path, reason=reason)
    return value or problem("SE609", origin, file=reference.path, reason="it is empty")

"""The configuration file: read safely, and where in it a mistake stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MAX_BYTES = 262_144  # a configuration of forty tables has a tenth of it
HEADER = re.compile(r"\s*\[{1,2}([^\[\]]+)\]{1,2}\s*(?:#.*)?$")
KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


class ConfigError(Exception):
    """A mistake in the configuration: in which file (or the environment) and line, of which key, and what is allowed.

    The text never repeats the value of a key that may hold a secret.
    """

    def __init__(self, file: str, line: int | None, key: str, problem: str, allowed: str) -> None:
        super().__init__(file, line, key, problem, allowed)
        self.file, self.line, self.key, self.problem, self.allowed = file, line, key, problem, allowed

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {f'{self.key} {self.problem}'.strip()}. Allowed: {self.allowed}."


def read_config(path: Path) -> tuple[dict[str, Any], str]:
    """The values of a TOML file, and its text. Raises ConfigError."""

    def refuse(problem: str, allowed: str, line: int | None = None) -> ConfigError:
        return ConfigError(path.name, line, "", problem, allowed)

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise refuse(f"cannot be read: {reason}", "a readable TOML file") from None
    if len(raw) > MAX_BYTES:
        raise refuse("too large", f"at most {MAX_BYTES // 1024} kB")
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        raise refuse(f"{path.suffix[1:].upper()} is not read", "TOML")
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise refuse("begins with a byte order mark", "UTF-8 without BOM", 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = raw[: problem.start].count(b"\n") + 1
        raise refuse("has bytes that are not UTF-8", "UTF-8", line) from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as problem:
        said, _, _ = str(problem).partition(" (at ")
        match = re.search(r"\(at line (\d+)", str(problem))
        raise refuse(
            f"not valid TOML ({said})",
            'each setting once, as key = value, text in quotes: timezone = "Europe/Berlin"',
            int(match[1]) if match else text.count("\n") + 1,
        ) from None
    except (ValueError, RecursionError):
        raise refuse("not valid TOML (a number or nesting beyond reason)", "plain values") from None


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line (from 1) of the setting at `path`, or else of the nearest thing around it; None if nothing is."""
    wanted = [part for part in path if isinstance(part, str)]
    best, line = 0, None
    lines = text.splitlines()
    for number, keys in _keys(lines):
        shared = next(
            (i for i, (a, b) in enumerate(zip(keys, wanted, strict=False)) if a != b), min(len(keys), len(wanted))
        )
        if shared > best and _stands_alone(lines[: number - 1]):
            best, line = shared, number
    return line


def _keys(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Line and full path of everything that looks like a table header or a key."""
    table: list[str] = []
    for number, line in enumerate(lines, 1):
        if match := HEADER.match(line):
            table = _split(match[1])
            yield number, table
        elif match := KEY.match(line):
            yield number, table + _split(match[1])


def _split(dotted: str) -> list[str]:
    """The parts of a dotted key, read by the TOML parser itself so that quotes mean what they mean there."""
    try:
        node: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return []
    parts = []
    while isinstance(node, dict):
        [(part, node)] = node.items()
        parts.append(part)
    return parts


def _stands_alone(before: list[str]) -> bool:
    """Whether a new statement can begin after these lines: inside a long text or list, what precedes does not parse."""
    try:
        tomllib.loads("\n".join(before))
    except tomllib.TOMLDecodeError:
        return False
    return True

"""Which warehouse a deployment may name: a folder for the embedded one, or the URL of a server of a known kind."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

LIBPQ = {
    "sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding", "target_session_attrs",
    "application_name", "connect_timeout", "keepalives", "keepalives_idle",
}  # fmt: skip
CLICKHOUSE = {"interface", "secure", "verify", "ca_cert", "connect_timeout", "send_receive_timeout", "compress"}
# Scheme → what may follow `?`. Options outside it can redirect the connection, read files or run commands.
SERVERS: dict[str, set[str]] = {"postgresql+psycopg": LIBPQ, "clickhousedb": CLICKHOUSE}
SCHEME = re.compile(r"[A-Za-z][\w+.-]+:|.*://")
HOST = re.compile(r"[A-Za-z0-9._-]*|[0-9A-Fa-f:.]+")
DATABASE = re.compile(r"[\w.$-]*")
VARIABLE = re.compile(r"\$\{(\w+)\}")
EXAMPLE = "a folder such as warehouse, or a URL such as postgresql+psycopg://user:${PASSWORD}@host/database"


class AddressError(ValueError):
    """Why an address is refused, without repeating any of it that may be secret, and what is allowed."""

    def __init__(self, problem: str, allowed: str = EXAMPLE) -> None:
        super().__init__(problem, allowed)
        self.problem, self.allowed = problem, allowed


def resolve(text: str) -> str:
    """A warehouse's folder or URL with ${VARIABLE}s filled in from the environment. Raises AddressError."""
    address = _expand(text.strip())
    if not address or not address.isprintable():
        raise AddressError("is empty" if not address else "has characters that cannot be printed")
    if address.startswith("duckdb:"):
        return _folder_of(address)
    if SCHEME.match(address):
        _check_server(address)
    else:
        _check_folder(address)
    return address


def is_folder(address: str) -> bool:
    """Whether a resolved address is the embedded warehouse's folder."""
    return not SCHEME.match(address)


def _expand(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise AddressError(
                f"needs the environment variable {match[1]}, which is not set", "${VARIABLE} of one that is set"
            )
        return os.environ[match[1]]

    if VARIABLE.fullmatch(text):
        return VARIABLE.sub(value, text)
    # before the @ stand user and password, where a value's own @ : / must not divide the URL
    user, at, rest = text.rpartition("@")
    return VARIABLE.sub(lambda m: quote(value(m), safe=""), user) + at + VARIABLE.sub(value, rest)


def _folder_of(address: str) -> str:
    """The folder that a `duckdb:///folder` URL names."""
    path = address.removeprefix("duckdb:///")
    if path == address or "?" in path or ".." in Path(path).parts:
        raise AddressError("is no duckdb URL of a folder", "duckdb:///folder, without options or ..")
    _check_folder(path)
    return path


def _check_folder(path: str) -> None:
    folder = Path(path).expanduser()
    if path == ":memory:" or folder.suffix in (".duckdb", ".db", ".ddb") or (folder.exists() and not folder.is_dir()):
        raise AddressError("names no folder", "a folder: the embedded warehouse is a folder of numbered files")


def _check_server(address: str) -> None:
    scheme, separator, _ = address.partition("://")
    if not separator or scheme not in SERVERS:
        known = ", ".join(f"{name}://…" for name in SERVERS)
        raise AddressError("has a scheme that is not supported", f"{known}, or a folder")
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise AddressError("is no valid URL", f"{scheme}://user:${{PASSWORD}}@host:port/database") from None
    if surplus := sorted(set(url.query) - SERVERS[scheme]):
        options = ", ".join(sorted(SERVERS[scheme]))
        raise AddressError(f"has an option that is not allowed ({surplus[0][:40]})", f"after ?: {options}")
    if not HOST.fullmatch(url.host or "") or not DATABASE.fullmatch(url.database or ""):
        raise AddressError("has a host or database with unusual characters", "letters, digits, dot, dash, underscore")

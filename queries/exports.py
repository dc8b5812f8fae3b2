"""Where the files of a mapping lie, and the mappings that ship for the exports of common CRM systems."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from queries.batches import LoadError

SHIPPED = Path(__file__).parent / "crm"
ENDINGS = (".csv", ".csv.gz", ".csv.bz2", ".csv.zst", ".parquet", ".pq")


class Export(BaseModel):
    """How a system's export names its files: what may stand before and after the name that a mapping uses."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    prefixes: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()


def places(export: Export, folder: Path) -> Callable[[str], Path]:
    """From the name of a file to its path in a folder: as it stands, else with an ending, in any case.

    Where there is none, the path is that of the name as it stands. Raises LoadError where there are several, or where
    the folder does not exist.
    """
    if not folder.is_dir():
        raise LoadError(f"{folder} is no folder. Say where the files lie: --files FOLDER.")
    present: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        ending = next((e for e in ENDINGS if path.name.lower().endswith(e)), None)
        if ending and path.is_file():
            present.setdefault(path.name[: -len(ending)].lower(), []).append(path)

    def place(name: str) -> Path:
        if (folder / name).is_file():
            return folder / name
        stems = {f"{before}{name}{after}" for before in ("", *export.prefixes) for after in ("", *export.suffixes)}
        found = [path for stem in sorted(stems) for path in present.get(stem.lower(), [])]
        if len(found) > 1:
            raise LoadError(f"{found[0].name} and {found[1].name} both hold {name!r}. Move one of them away.")
        return found[0] if found else folder / name

    return place


def shipped() -> dict[str, Path]:
    """The ready mappings by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def mapping_file(named: str) -> Path:
    """A mapping file, or the ready mapping of that name. Raises LoadError where it is neither."""
    path, ready = Path(named), shipped()
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    if named not in ready:
        near = difflib.get_close_matches(named, ready, 1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise LoadError(f"--mapping {named!r} is no file and no ready mapping.{meant} Ready are: {', '.join(ready)}.")
    return ready[named]

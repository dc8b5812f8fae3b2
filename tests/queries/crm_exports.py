"""Tiny exports of three CRM systems, written by hand in `tests/data/crm`; the people in them are invented."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "crm"
EXPORTS = {folder.name: sorted(path.name for path in folder.iterdir()) for folder in sorted(FOLDER.iterdir())}


def copy(system: str, into: Path, *without: str) -> Path:
    """The export of a system in a folder of its own, without some files."""
    shutil.copytree(FOLDER / system, into, ignore=lambda _, __: without)
    return into

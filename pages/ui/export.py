"""What people take away: CSV without live formulas, pictures that say what they show, safe file names."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import vl_convert

from pages.ui.picture import INK, Picture
from pages.ui.slides import UNFIT, told

FONTS = Path(__file__).parents[2] / "static"
PAPER, PRINTED_INK = "#FFFFFF", "#17212E"
WIDTH = 960
# What a spreadsheet takes for a formula: these signs, full-width too, also behind blanks, quotes, controls (OWASP).
FORMULA = re.compile(r"^[\s'\"\x00-\x1f\u200b-\u200f\ufeff]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
HALVES = re.compile(f"{UNFIT.pattern}|[\U00010000-\U0010ffff]")
UNCUT = 10  # characters that no picture has too little room for
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?( pp| %)?")
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
Kind = Literal["png", "svg"]
PRINTED: dict[str, Any] = {
    "background": PAPER,
    "font": "Inter",
    "padding": 24,
    "view": {"stroke": None},
    "axis": {"labelColor": "#5A6675", "titleColor": "#5A6675", "labelFontSize": 12, "titleFontWeight": 400},
    "legend": {"labelColor": PRINTED_INK, "labelFontSize": 12},
    "title": {
        "anchor": "start",
        "color": PRINTED_INK,
        "fontSize": 18,
        "fontWeight": 600,
        "subtitleColor": "#5A6675",
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
        "offset": 20,
    },
}

vl_convert.register_font_directory(str(FONTS))


def file_name(title: str, suffix: str) -> str:
    """A name of at most 60 letters, digits, dashes and underscores, whatever the title holds."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", title).strip("-")[:60].strip("-")
    return f"{slug or 'export'}.{suffix}"


def neutral(value: object) -> object:
    """A cell that no spreadsheet runs: texts that look like formulas get a leading apostrophe, numbers stay numbers."""
    if isinstance(value, str):
        return f"'{value}" if FORMULA.search(value) and not NUMBER.fullmatch(value) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cell_text(value: object) -> str:
    """A cell, as people read it and as no program runs it, on one line."""
    return str(neutral(told(value)))


def to_csv(frame: pd.DataFrame, scope: Sequence[str]) -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets want it; the active filters stand in a last column of every row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    said = neutral(" · ".join(scope))
    writer.writerow([*(neutral(str(c)) for c in frame.columns), "shown"])
    for row in frame.itertuples(index=False, name=None):
        writer.writerow([*(neutral(None if v is pd.NaT or v is pd.NA else v) for v in row), said])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_image(drawing: Picture | Mapping[str, Picture], kind: Kind, title: str, scope: Sequence[str]) -> bytes:
    """The picture in print colours, titled, with the active filters and the data cut-off printed in it."""
    panels = {"": drawing} if isinstance(drawing, Picture) else drawing
    columns = min(3, len(panels))
    width = WIDTH if len(panels) == 1 else WIDTH // columns - 20
    specs: list[Any] = []
    datasets: dict[str, Any] = {}
    for i, (name, picture) in enumerate(panels.items()):
        spec = _renamed(deepcopy(picture.spec), f"p{i}_") | {"width": width}
        specs.append(spec | ({"title": {"text": name, "fontSize": 13, "offset": 8}} if name else {}))
        datasets |= {f"p{i}_{key}": _records(frame) for key, frame in picture.data.items()}
    whole: dict[str, Any] = specs[0] if len(specs) == 1 else {"concat": specs, "columns": columns}
    whole |= {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": _wrapped(scope)},
        "datasets": datasets,
        "config": PRINTED,
    }
    return _converted(whole, kind)


def on_slide(picture: Picture, kind: Kind, width: int, height: int, ink: str = PRINTED_INK) -> bytes:
    """The picture alone, on no ground, in this size: title and filters stand beside it. `ink` colours all text."""
    quiet: dict[str, Any] = {"labelColor": ink, "titleColor": ink, "labelFontSize": 13, "titleFontSize": 13}
    config: dict[str, Any] = {
        "font": "Inter",
        "background": None,
        "padding": {"left": 4, "right": 60, "top": 4, "bottom": 4},  # numbers at the ends of bars need room
        "view": {"stroke": None},
        "axis": quiet | {"labelOpacity": 0.8, "titleOpacity": 0.8, "titleFontWeight": 400},
        "legend": quiet | {"labelLimit": 280},
    }
    size = {"width": width, "height": height, "autosize": {"type": "fit", "contains": "padding"}}
    datasets = {name: _records(frame) for name, frame in picture.data.items()}
    spec = _renamed(deepcopy(picture.spec), "", ink) | size
    return _converted(spec | {"$schema": SCHEMA, "datasets": datasets, "config": config}, kind, scale=3)


def _converted(spec: dict[str, Any], kind: Kind, scale: float = 2) -> bytes:
    spec = _fit(spec)
    if kind == "svg":
        return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])).encode()
    return bytes(vl_convert.vegalite_to_png(spec, scale=scale, allowed_base_urls=[]))


def _fit(node: Any) -> Any:
    """The same specification without what ends the renderer, and the process with it: characters that no XML file may
    hold, and characters of two halves in a text so long that it may be cut between them."""
    if isinstance(node, str):
        return (HALVES if len(node) > UNCUT else UNFIT).sub("\ufffd", node)
    if isinstance(node, list):
        return [_fit(n) for n in node]
    return {key: _fit(value) for key, value in node.items()} if isinstance(node, dict) else node


def _renamed(node: Any, prefix: str, ink: str = PRINTED_INK) -> Any:
    """The same specification with its data sets and selections prefixed and the page's ink turned into `ink`."""
    if isinstance(node, list):
        return [_renamed(n, prefix, ink) for n in node]
    if not isinstance(node, dict):
        return ink if node == INK else node
    out = {key: _renamed(value, prefix, ink) for key, value in node.items() if key not in ("params", "$schema")}
    if isinstance(out.get("data"), dict) and "name" in out["data"]:
        out["data"] = {"name": prefix + out["data"]["name"]}
    if isinstance(out.get("condition"), dict) and "param" in out["condition"]:
        chosen = out.pop("condition")  # nothing is selected on paper: what shows by default is what everything gets
        out |= {"value": chosen["value"]} if chosen.get("empty", True) else {}
    return out


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return list(json.loads(frame.to_json(orient="records", date_format="iso")))


def _wrapped(parts: Sequence[str], width: int = 120) -> list[str]:
    lines = [""]
    for part in parts:
        longer = f"{lines[-1]} · {part}" if lines[-1] else part
        lines = [*lines[:-1], longer] if len(longer) <= width else [*lines, part]
    return lines

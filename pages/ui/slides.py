"""Findings as slides: one description that the presentation, the deck and the page to take away all render.

A number stands here once. A subject describes its slides in a module of its own: what each finds, its panels, and how
an office program would draw them itself.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pages.ui.failures import Failure
from pages.ui.picture import Picture

Kind = Literal["columns", "stacked columns", "bars", "stacked bars", "full bars", "curves"]
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
FIGURES = re.compile(r"[+\-−]?[\d.,]+( ?(%|pp))?")
NOTHING = "Nothing matches the active filters in this period."


@dataclass(frozen=True)
class Series:
    """One line, or the bars of one colour: a value per category, None where there is none."""

    name: str
    colour: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Native:
    """A chart as office programs draw and edit it. `style`: their number format; categories of `curves` are numbers.

    `lines` lie over columns: a target, for example.
    """

    kind: Kind
    categories: tuple[Any, ...]
    series: tuple[Series, ...]
    style: str = "#,##0"
    lines: tuple[Series, ...] = ()


def native(
    kind: Kind, rows: pd.DataFrame, category: str, series: str, value: str, colours: Mapping[str, str], style: str
) -> Native:
    """A tidy frame as a chart: categories as they first appear, series in the order of `colours` (name → colour)."""
    categories = tuple(dict.fromkeys(rows[category]))
    cells = {(r[series], r[category]): r[value] for r in rows.to_dict("records")}
    lines = []
    for name in (name for name in colours if name in set(rows[series])):
        found = [cells.get((name, c)) for c in categories]
        lines.append(Series(name, colours[name], tuple(None if v is None or pd.isna(v) else v for v in found)))
    return Native(kind, categories, tuple(lines), style)


@dataclass(frozen=True)
class Grid:
    """A table of a few large cells: per row its name and, per column, number, note and colour; None is no cell."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str, str] | None, ...]], ...]


@dataclass(frozen=True)
class Figure:
    """One number, large. `change`: since the compared period, in words; `good`: whether that is welcome, if known.

    `definition`: how it is computed.
    """

    label: str
    value: str
    note: str = ""
    change: str | None = None
    good: bool | None = None
    definition: str = ""


@dataclass(frozen=True)
class Panel:
    """A picture or a table with its title. `answer` is what it was drawn from, or why there is nothing.

    `native`: the chart or table that an office program shows instead of the picture. `definition`: how it is computed.
    `width`: its share of the slide beside the others. `fill_in`: its empty cells are for the meeting to fill.
    """

    title: str
    answer: Any
    drawing: Picture | pd.DataFrame | None
    caption: str = ""
    native: Native | Grid | None = None
    definition: str | Callable[..., Any] = ""
    empty: str = NOTHING
    width: int = 1
    fill_in: bool = False

    @property
    def computed(self) -> str:
        """How it is computed, in words."""
        return (inspect.getdoc(self.definition) or "") if callable(self.definition) else self.definition

    @property
    def said(self) -> str | None:
        """What stands in place of the drawing, where there is none."""
        if isinstance(self.answer, Failure):
            return f"{self.answer.message} {self.answer.hint}".strip()
        if self.drawing is None:
            return self.empty
        is_empty = self.drawing.empty if isinstance(self.drawing, pd.DataFrame) else self.drawing.is_empty
        return self.empty if is_empty else None


@dataclass(frozen=True)
class Slide:
    """One finding: the sentence it makes, the numbers and panels that bear it, notes, and what is counted (`basis`)."""

    title: str
    panels: tuple[Panel, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    basis: str = ""


@dataclass(frozen=True)
class Deck:
    """Slides in order, each made when it is shown. `shown`: the active choices and the build, for every slide."""

    title: str
    slides: Sequence[Callable[[], Slide]]
    shown: tuple[str, ...]


def told(value: object) -> str:
    """A cell of a table as people read it; blank where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, int | float):
        return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    return shortened(value)


def are_figures(texts: Iterable[str]) -> bool:
    """Whether there are texts, and all that are not blank are numbers: such a column stands to the right."""
    said = [text for text in texts if text]
    return bool(said) and all(FIGURES.fullmatch(text) for text in said)


def shortened(text: object, limit: int = 400) -> str:
    """A text on one line, of at most so many characters, all of which an XML file can hold."""
    line = UNFIT.sub("\ufffd", " ".join(str(text).split()))
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"

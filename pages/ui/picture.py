"""A picture: one specification, the frames swapped into it, its words; and the colours and axes that all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Any

import altair as alt
import pandas as pd
import pyarrow as pa

from lifecycle.segments import NOT_SET, Catalog
from pages.ui.legends import fitted

# Specifications name no colour of the page: text and rules take the page's own ink, so that one picture is right in
# light and dark. The fills are of middle lightness for the same reason.
INK = "currentColor"
QUIET = 0.62  # opacity of secondary text
INK_DARK, INK_LIGHT = "#17212E", "#FFFFFF"  # on a pale and on a deep fill, in both themes
GRID = "#8A94A3"

# One colour per meaning on every page; blue, amber and vermilion stay apart for colour-blind readers.
OUTCOMES = {
    "advanced": ("Advanced", "#3E7CC4"),
    "late": ("Advanced late", "#8DB4E2"),
    "arrived": ("Arrived", "#1F9E8B"),  # open at the last stage: there is nowhere to go
    "open": ("Still open", "#E0A030"),
    "diverted": ("Went another way", "#8064C0"),
    "exited": ("Left", "#CB5A3C"),
    "not_due": ("Not yet due", "#A9B2BD"),
}
NOW, BEFORE = "#3E7CC4", "#A9B2BD"
PERIODS = {"This period": NOW, "Before": BEFORE}  # series that are periods
ALL = "All together"  # the series of the whole, beside those of its parts: slate and thick, as no part is
WHOLES = PERIODS | {ALL: "#66707E"}
EXITS = ("#8F3F2A", "#CB5A3C", "#E39B7F", "#A9B2BD", "#6B4A86")  # in the order of the lifecycle's exits
SERIES = ("#3E7CC4", "#D08A1E", "#1F9E8B", "#C2557F", "#8064C0", "#7D8B99", "#5AA2D6", "#A3742B", "#6E9B3A")
# A segment's values keep their colours on every page, whichever of them a chart shows and in whatever order.
palette: ContextVar[Mapping[str, str]] = ContextVar("palette", default={})  # noqa: B039 (never changed)
RAMP = ("#DCE8F5", "#A5C4E4", "#6296CA", "#2B68A6", "#103C6B")

ANY_SERIES = [list(SERIES[:n]) for n in range(2, len(SERIES) + 1)]
PROTO = "__proto__"

Spec = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A specification, the frames it draws by name, the rows an export holds, and words for screen readers."""

    spec: Spec
    data: Mapping[str, pd.DataFrame]
    rows: pd.DataFrame
    alt: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", {name: drawable(frame) for name, frame in self.data.items()})
        named = [frame["series"] for frame in self.data.values() if "series" in frame]
        names = list(dict.fromkeys(str(name) for names in named for name in names))
        if known := {name: colour for name, colour in WHOLES.items() if name in names} | dict(palette.get()):
            object.__setattr__(self, "spec", _hued(self.spec, names, hues(names, known)))
        object.__setattr__(self, "spec", fitted(self.spec, self.data))

    @property
    def is_empty(self) -> bool:
        return self.rows.empty

    @cached_property
    def sent(self) -> Mapping[str, bytes]:
        """The frames as the browser gets them: written once, not in every rerun that shows them."""
        return {name: streamed(frame) for name, frame in self.data.items()}


def colours_of(catalog: Catalog) -> dict[str, str]:
    """The colour of each value of each segment that makes groups, the most frequent values' apart from each other."""
    return {
        name: SERIES[i % len(SERIES)]
        for segment in catalog.visible
        if segment.can_break_down
        for i, value in enumerate(segment.values)
        for name in ((f"{NOT_SET} not set", "not set") if value is None else (value,))
    }


def hues(names: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """A colour for each name: its own where it is known and no other has taken it, else one that is free."""
    own: dict[str, str] = {}
    for name in names:
        if (colour := known.get(name)) and colour not in own.values():
            own[name] = colour
    free = [colour for colour in SERIES if colour not in own.values()]
    rest = cycle(free or SERIES)
    return [own.get(name) or next(rest) for name in names]


def _hued(part: Any, names: list[str], colours: list[str]) -> Any:
    """The specification with these colours where it has one per series, in order of appearance."""
    if isinstance(part, list):
        return [_hued(each, names, colours) for each in part]
    if not isinstance(part, dict):
        return part
    if part.get("field") == "series" and part.get("scale", {}).get("range") in ANY_SERIES:
        return part | {"scale": {"domain": names, "range": colours}}
    return {key: _hued(each, names, colours) for key, each in part.items()}


def drawable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an invisible joiner before the one text that Vega cannot take for a category: `__proto__`."""
    texts = frame.select_dtypes(["object", "str"])
    taken = [str(name) for name in texts if PROTO in set(texts[name])]
    return frame.assign(**{name: frame[name].replace(PROTO, f"\u2060{PROTO}") for name in taken}) if taken else frame


def streamed(frame: pd.DataFrame) -> bytes:
    """A frame as an Arrow stream."""
    table, sink = pa.Table.from_pandas(frame, preserve_index=False), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def bare(chart: alt.TopLevelMixin) -> Spec:
    """The specification alone: its config comes from the page's theme, or from the export."""
    spec: Spec = chart.to_dict()
    spec.pop("config", None)
    return spec


def axis(**more: Any) -> alt.Axis:
    """An axis without lines, its labels upright and never shifted."""
    plain = {"labelAngle": 0, "labelFlush": False, "labelBound": False, "labelOverlap": True}
    return alt.Axis(**{"title": None, "ticks": False, "domain": False, "grid": False} | plain | more)


def period_axis(**more: Any) -> alt.Axis:
    """An axis of time with one tick per period drawn, named as everywhere; see `ticked`."""
    named = "names[indexof(ticks, time(datum.value))]"
    return axis(
        **{
            "values": {"expr": "ticks"},
            "labelExpr": named,
            "labelOverlap": "parity",
            "labelPadding": 6,
            "labelFlush": True,
        }
        | more
    )


def ticked(spec: Spec, periods: pd.Series, names: pd.Series) -> Spec:
    """The specification with the periods that its `period_axis` shows: their first days and their names.

    The days are those of the reader's time zone, in which the browser reads instants without one.
    """
    shown = dict(zip(pd.to_datetime(periods), names, strict=True))
    days = (f"time(datetime({at.year},{at.month - 1},{at.day}))" for at in sorted(shown))
    ticks = {"name": "ticks", "expr": f"[{','.join(days)}]"}
    told = {"name": "names", "value": [str(shown[at]).removeprefix("week of ") for at in sorted(shown)]}
    return spec | {"params": [*spec.get("params", []), ticks, told]}


def value_axis(style: str, title: str, *, whole: bool = False) -> alt.Axis:
    """An axis of values: a few quiet grid lines and a number format of d3; `whole`: of counts, which have no halves."""
    more: dict[str, Any] = {"tickMinStep": 1} if whole else {}
    unsigned = {"labelExpr": "datum.value === 0 ? '0' : datum.label"} if style.startswith("+") else {}
    return axis(
        grid=True, gridColor=GRID, gridOpacity=0.22, format=style, tickCount=4, title=title or None, **unsigned, **more
    )


def ink_on(fill: str) -> str:
    """The ink that stands out more from a fill, by the contrast ratio of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    under = luminance(fill) + 0.05
    dark = under / (luminance(INK_DARK) + 0.05)
    return INK_DARK if dark > (luminance(INK_LIGHT) + 0.05) / under else INK_LIGHT


def place(field: str) -> alt.EncodingSortField:
    """Categories in the order of a column that numbers them."""
    return alt.EncodingSortField(field=field, op="min")


def legend(**more: Any) -> alt.Legend:
    """A legend above the picture; a picture gives it as many columns as its names find room for."""
    return alt.Legend(title=None, orient="top", symbolOpacity=1, columns=0, **more)


def with_legend(height: int, n: int) -> int:
    """How tall a picture of `n` series has to be, so that its legend in two columns leaves the curves their room."""
    return height + 23 * max(0, (n + 1) // 2 - 2)


def series(colours: tuple[str, ...]) -> alt.Color:
    """Colours of the column `series`, in order of appearance."""
    return alt.Color("series:N", sort=None, scale=alt.Scale(range=list(colours)), legend=legend(symbolType="square"))


def weight(n_series: int, others: float) -> Any:
    """How thick the lines of series are: beside others, that of all together more than these."""
    usual = alt.value(others)
    return usual if n_series == 1 else alt.condition(f"datum.series === '{ALL}'", alt.value(4), usual)


def tip(field: str, title: str = " ", style: str | None = None) -> alt.Tooltip:
    """One line of a tooltip."""
    return alt.Tooltip(field, title=title, format=style) if style else alt.Tooltip(field, title=title)


def filled(frame: pd.DataFrame, **defaults: Any) -> pd.DataFrame:
    """A copy in which the columns that were left out have their default."""
    return frame.assign(**{name: value for name, value in defaults.items() if name not in frame})

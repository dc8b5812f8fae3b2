"""What every page is made of: a header, metric tiles and the one card that carries a chart through all its states."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any, TypeVar

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lifecycle.rates import Difference, Rate
from lifecycle.scope import Scope
from pages.ui import data, export, filters, labels
from pages.ui.failures import Failure, explain
from pages.ui.picture import Picture
from pages.ui.slides import Figure

A = TypeVar("A")
Drawing = Picture | Mapping[str, Picture] | pd.DataFrame | None
Selected = list[dict[str, Any]]

LONG, LETTER = 30, 5.9  # letters of a row's name beyond which its column would cut it, and how wide they are
NAME, WORDS = 60, 130  # letters that a row's name, and any other cell, may take before it is cut
INSTANT = "YYYY-MM-DD HH:mm:ss"
TALL = 30  # rows up to which a table is shown whole
WARNINGS = {"timeout": ":material/timer:", "too_large": ":material/filter_alt:"}  # kind of failure → icon


def page_header(title: str, subtitle: str) -> None:
    """The page's question and, in small, how it is answered."""
    with st.container(gap=None):
        st.markdown(f"# {labels.escape(title)}")
        st.caption(labels.escape(subtitle))


def tiles(n: int) -> DeltaGenerator:
    """Room for `n` tiles in a row, fewer on a narrow screen: `with tiles(5): tile(…)`."""
    return st.grid(n, min_column_width=190)


def tile(
    label: str,
    value: str,
    *,
    note: str = "",
    change: str | None = None,
    good: bool | None = None,
    compared: str = "",
    trend: Sequence[float] = (),
    definition: str = "",
) -> None:
    """One number, large: its change (`good` colours it, None stays grey), a note, its course as a sparkline."""
    rises, moves = not (change or "").startswith("-"), re.search("[1-9]", change or "")
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.metric(
            labels.escape(label),
            value,
            delta=change,
            delta_color="off" if good is None else "normal" if good == rises else "inverse",
            delta_arrow="auto" if moves else "off",
            delta_description=compared or None,
            chart_data=list(trend) or None,
            help=labels.escape(definition) or None,
        )
        if note:
            st.caption(labels.escape(note))


def rate_tile(
    label: str,
    rate: Rate,
    change: Difference | None = None,
    *,
    compared: str = "",
    trend: Sequence[float] = (),
    definition: str = "",
) -> None:
    """A rate with its interval and what lies under it; only a significant change is coloured."""
    tile(
        label,
        labels.percent(rate.value),
        note=labels.interval(rate),
        change=labels.points(change),
        good=change.value > 0 if change and change.significant else None,
        compared=compared or ("vs before" if change else ""),
        trend=trend,
        definition=definition,
    )


def undivided(scope: Scope, whose: str) -> None:
    """Where a breakdown or a comparison is chosen: that it does not divide this part, and `whose` it is instead."""
    if scope.by or scope.compared:
        st.caption(labels.escape(f"{whose}: neither breakdown nor comparison divides this part."))


def figure_tile(figure: Figure) -> None:
    """A number of a slide as a tile."""
    tile(
        figure.label,
        figure.value,
        note=figure.note,
        change=figure.change,
        good=figure.good,
        compared="vs before" if figure.change else "",
        definition=figure.definition,
    )


def card(
    title: str,
    ask: Callable[[], A | Failure],
    draw: Callable[[A], Drawing],
    *,
    caption: str = "",
    definition: str | Callable[..., Any] = "",
    table: Callable[[A], pd.DataFrame] | None = None,
    empty: str = "Nothing matches the active filters in this period.",
    height: int = 260,
    fill: bool = False,
    select: str | None = None,
    key: str | None = None,
) -> Selected:
    """A titled card: what `draw` makes of the answer of `ask`, or why there is nothing to show.

    `draw` returns a picture, named pictures (small multiples), a frame (shown as a table) or None when there is
    nothing. `table` gives the rows of the CSV (default: those drawn). `definition`: a text, or a function whose
    docstring it is. `fill`: beside a taller card, the picture is as tall as its own card allows. `select` names the
    picture's selection (for a frame: any name, then a row can be picked); what is selected is returned.
    """
    key = key or export.file_name(title, "card")
    with st.container(border=True, height="stretch", key=key):
        with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
            with st.container(gap=None):
                st.markdown(f"##### {labels.escape(title)}")
                if caption:
                    st.caption(labels.escape(caption))
                waiting = st.container()  # where nothing leaves a gap behind
            corner = st.container(width="content")
        with data.meanwhile(lambda: waiting.skeleton(height=height)):
            answer, drawing = _drawn(ask, draw)
        if isinstance(answer, Failure):
            state(answer)
            return []
        rows = (lambda: table(answer)) if table else (lambda: _rows(drawing))
        with corner:
            _menu(key, title, answer, drawing, rows, definition)
        if _is_empty(drawing):
            st.markdown(f":material/inbox: {labels.escape(empty)}")
            return []
        return _show(drawing, select, key, fill)


def state(failure: Failure) -> None:
    """What a failed or missing answer looks like: what is wrong, and what to do."""
    said = f"**{labels.escape(failure.message)}** {labels.escape(failure.hint)}"
    if failure.kind in ("missing", "missing_table"):
        st.info(said, icon=":material/table_view:")
    else:
        st.warning(said, icon=WARNINGS.get(failure.kind, ":material/error:"))


def _drawn(ask: Callable[[], Any], draw: Callable[[Any], Drawing]) -> tuple[Any, Drawing]:
    """One card's mishap stays in that card: the others, and the page, live on."""
    try:
        answer = ask()
        return answer, None if isinstance(answer, Failure) else data.drawn(draw, answer)
    except Exception as problem:
        return explain(problem), None


def _is_empty(drawing: Drawing) -> bool:
    if drawing is None:
        return True
    if isinstance(drawing, pd.DataFrame):
        return drawing.empty
    return drawing.is_empty if isinstance(drawing, Picture) else all(p.is_empty for p in drawing.values())


def _show(drawing: Drawing, select: str | None, key: str, fill: bool) -> Selected:
    if isinstance(drawing, Picture):
        return _chart(drawing, select, f"{key}.chart", "stretch" if fill else "content")
    if isinstance(drawing, pd.DataFrame):
        return _table(drawing, select, f"{key}.table")
    chosen: Selected = []
    n = len(drawing or {})
    grid = st.grid(ceil(n / ceil(n / 4)), min_column_width=300)  # at most four beside each other, in rows alike
    for i, (name, picture) in enumerate((drawing or {}).items()):
        with grid.cell(), st.container(gap=None):
            st.markdown(f"**{labels.escape(name)}**")
            chosen += [point | {"panel": name} for point in _chart(picture, select, f"{key}.chart.{i}")]
    return chosen


def _chart(picture: Picture, select: str | None, key: str, height: Any = "content") -> Selected:
    spec = picture.spec | {"datasets": dict(picture.sent)}
    if not select:
        st.vega_lite_chart(spec=spec, key=key, alt=picture.alt, height=height)
        return []
    event = st.vega_lite_chart(
        spec=spec, key=key, alt=picture.alt, height=height, on_select="rerun", selection_mode=select
    )
    return list(event["selection"].get(select, []))


def _table(frame: pd.DataFrame, select: str | None, key: str) -> Selected:
    whole: dict[str, Any] = {
        str(name): st.column_config.NumberColumn(format="localized") for name in frame.select_dtypes("integer")
    }
    whole |= {str(name): st.column_config.DatetimeColumn(format=INSTANT) for name in frame.select_dtypes("datetime")}
    whole |= {name: st.column_config.Column(width=width) for name, width in _widths(frame).items()}
    if not select:
        height: Any = "content" if len(frame) <= TALL else "auto"
        st.dataframe(frame, height=height, hide_index=True, column_config=whole, key=key, placeholder="")
        return []
    picked = st.dataframe(
        frame,
        hide_index=True,
        column_config=whole,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
    )
    rows = [i for i in picked["selection"]["rows"] if i < len(frame)]
    return [{str(name): value for name, value in frame.iloc[i].items()} for i in rows]


def _widths(frame: pd.DataFrame) -> dict[str, int]:
    """The pixels that columns of text need, where the grid by itself would give them fewer.

    It measures a column by what most of its first cells hold, so that a few long ones, or later ones, would be cut.
    """
    widths = {}
    for i, name in enumerate(frame):
        letters = [len(x) for x in frame.iloc[:, i] if isinstance(x, str)]
        longest = max(letters, default=0)
        if longest > LONG or (longest > len(str(name)) and longest > 1.5 * sum(letters) / len(letters)):
            widths[str(name)] = round(min(longest, WORDS if i else NAME) * LETTER) + 24
    return widths


def _rows(drawing: Drawing) -> pd.DataFrame:
    """The rows behind a drawing, as an export holds them."""
    if isinstance(drawing, pd.DataFrame):
        return drawing
    if isinstance(drawing, Picture):
        return drawing.rows
    panels = [picture.rows.assign(panel=name) for name, picture in (drawing or {}).items()]
    return pd.concat(panels) if panels else pd.DataFrame()


def _menu(
    key: str,
    title: str,
    answer: Any,
    drawing: Drawing,
    rows: Callable[[], pd.DataFrame],
    definition: str | Callable[..., Any],
) -> None:
    """Exports, definition and statements: filled only while it is open, and a file is made only when it is taken."""
    menu = st.popover(
        "", icon=":material/more_vert:", type="tertiary", key=f"{key}.menu", on_change="rerun", help="Export and method"
    )
    if not menu.open:
        return
    scope = filters.active()
    with menu:
        with st.container(horizontal=True, gap="small"):
            _download("CSV", "text/csv", lambda: export.to_csv(rows(), scope), title, key)
            if not isinstance(drawing, pd.DataFrame) and drawing is not None and not _is_empty(drawing):
                _download("PNG", "image/png", lambda: export.to_image(drawing, "png", title, scope), title, key)
                _download("SVG", "image/svg+xml", lambda: export.to_image(drawing, "svg", title, scope), title, key)
        text = inspect.getdoc(definition) if callable(definition) else definition
        if text:
            st.markdown("**How this is computed**")
            st.text(labels.unwrapped(text))
        for statement in getattr(answer, "statements", ()):
            st.markdown("**Statement**")
            st.code(statement.text, language="sql", wrap_lines=True)
            if statement.parameters:
                values = statement.as_dict()["parameters"]
                st.dataframe({"parameter": list(values), "value": [str(v) for v in values.values()]}, hide_index=True)


def _download(label: str, mime: str, make: Callable[[], bytes], title: str, key: str) -> None:
    st.download_button(
        label,
        make,
        export.file_name(title, label.lower()),
        mime,
        f"{key}.{label}",
        on_click="ignore",
        icon=":material/download:",
    )

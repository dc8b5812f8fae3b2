"""The filter bar: beside `places` the only user of session state and of the URL.

Every choice is a widget bound to a parameter of the URL that has the terminal's name for it. A select writes what it
shows (`Last 90 days`), so a link that spells a choice the terminal's way (`last_90_days`) is rewritten once, on
arrival. Whatever link and widgets say goes through `links.read`: one parser, one set of notices.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lifecycle import links
from lifecycle.links import WHERE, Surroundings
from lifecycle.scope import TOP, Scope, describe
from lifecycle.segments import NOT_SET, Segment
from lifecycle.stages import StageModel
from pages.ui import data, labels, spelling
from pages.ui.ranges import limits, plain
from pages.ui.spelling import CUSTOM, Spelling
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.settings import Settings

WINDOWS = ("7d", "14d", "30d", "60d", "90d", "180d", "365d")
ARRIVED, NOTICES, VIEW, DEFAULTS, OPEN = "_arrived", "_notices", "_view", "_defaults", "_open"  # unlike any parameter

Values = dict[str, list[str]]


@dataclass(frozen=True)
class View:
    """What a page draws: the build to ask, what of it, and the words of the filter bar."""

    modelled: Modelled
    scope: Scope
    around: Surroundings
    spelling: Spelling
    line: DeltaGenerator  # where the active choices are written

    @cached_property
    def cache_key(self) -> str:
        """What tells two views apart: the words and choices of the bar follow from these."""
        return data.digest((self.modelled.model, self.modelled.build.id, self.scope))


def view() -> View:
    """The current view; the frame sets it before any page runs."""
    found: View = st.session_state[VIEW]
    return found


def active() -> list[str]:
    """The active choices as plain texts, for the line under the bar and for every export."""
    return [view().modelled.model.label, *describe(view().scope)]


def filter_bar(opened: data.Opened, settings: Settings, models: Mapping[str, StageModel]) -> View:
    """Draw the bar and return what it says. Raises WarehouseError where the chosen model has no build."""
    st.session_state.setdefault(DEFAULTS, {})
    if ARRIVED not in st.session_state:
        _arrive(opened, settings, models)
    names, place = {key: model.label for key, model in models.items()}, list(models).index(settings.default_model)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filter-bar"):
        words = labels.distinct(names)
        model = st.selectbox(
            "Lifecycle", list(models), place, words.__getitem__, "model", width=210, bind="query-params"
        )
        modelled = data.modelled(opened, models[model])
        around = _surroundings(modelled, settings)
        spelled = spelling.spelling(names, around)
        values: Values = _period(around, spelled)
        values |= _select("Compare with", "compare", spelled, "none", width=180)
        values |= _select("Break down by", "by", spelled, None, width=180, placeholder="Nothing")
        st.button("Reset", icon=":material/restart_alt:", type="tertiary", on_click=_reset, key="_reset")
    values |= _more(around, spelled)
    scope, notices = links.read(values, around)
    _show([*st.session_state.pop(NOTICES, []), *notices])
    return _set(View(modelled, scope, around, spelled, st.empty()))


def funnel_choices() -> View:
    """Draw the choices that only the funnel has; returns the view with them."""
    current = view()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="funnel-choices"):
        stages = st.multiselect(
            "Stages",
            list(current.spelling.words["stages"]),
            format_func=lambda key: current.spelling.say("stages", key),
            key="stages",
            placeholder="All stages",
            width=300,
            bind="query-params",
        )
        values = _select("Basis", "basis", current.spelling, "cohort", width=130)
        values |= _select("Counting", "count", current.spelling, "passed", width=170)
        window = st.selectbox(
            "Window",
            WINDOWS,
            None,
            key="window",
            placeholder="None",
            accept_new_options=True,
            help="How long an entry has to reach a stage: a whole number of s, min, h, d or w",
            width=130,
            bind="query-params",
        )
        values |= _select("Trend by", "grain", current.spelling, "month", width=120)
    st.session_state[DEFAULTS] |= {"stages": [], "window": None}
    values |= {"stages": [",".join(stages)], "window": [window or ""]}
    asked, notices = links.read(values, current.around)
    _show(notices)
    chosen = {name: getattr(asked, name) for name in spelling.FUNNEL}
    return _set(replace(current, scope=replace(current.scope, **chosen)))


def rule_out(key: str, allowed: Collection[str], default: str | None) -> None:
    """Drop a choice, as the link spells it, from widget and link, with a notice, where other choices rule it out."""
    asked = st.query_params.get(key)
    if asked is not None and asked not in allowed:
        if key in st.session_state:
            st.session_state[key] = default  # the widget writes the link
        else:
            del st.query_params[key]
        _show([f"{key}: {asked[:40]!r} is ruled out by the other choice. Showing the default instead."])


def _set(current: View) -> View:
    st.session_state[VIEW] = current
    current.line.caption(" · ".join(labels.escape(text) for text in active()))
    return current


def _arrive(opened: data.Opened, settings: Settings, models: Mapping[str, StageModel]) -> None:
    """First rerun of a visit: read the link whole, keep what it means, and spell it the widgets' way."""
    url = {name: st.query_params.get_all(name) for name in st.query_params}
    words = Spelling({"model": labels.distinct({key: model.label for key, model in models.items()})})
    asked = words.name("model", (url.get("model") or [settings.default_model])[-1])
    notices = [] if asked in models else [f"model: {asked[:40]!r} is not known. Showing the default instead."]
    model = settings.default_model if notices else asked
    native = {"model": [words.say("model", model)]}
    with suppress(WarehouseError):  # the bar still offers the other models, and says why this one is not there
        around = _surroundings(data.modelled(opened, models[model]), settings)
        spelled = spelling.spelling({key: m.label for key, m in models.items()}, around)
        scope, more = links.read(spelling.read(url, spelled, around), around)
        native = spelling.write(scope, url, spelled, around)
        notices += more
    if model == settings.default_model:
        native.pop("model")
    st.session_state[ARRIVED], st.session_state[NOTICES] = True, notices
    if native != url:
        st.query_params.from_dict(native)
        st.rerun()


def _surroundings(modelled: Modelled, settings: Settings) -> Surroundings:
    return Surroundings(modelled.model, modelled.catalog, settings.calendar, modelled.build.as_of, settings.period)


def _select(label: str, name: str, spelled: Spelling, default: str | None, **more: Any) -> Values:
    """A select of one choice, spelled in its own words; without a default it can be emptied."""
    names = list(spelled.words[name])
    st.session_state[DEFAULTS][name] = default
    index = names.index(default) if default else None
    chosen = st.selectbox(label, names, index, lambda key: spelled.say(name, key), name, bind="query-params", **more)
    return {name: [chosen or ""]}


def _period(around: Surroundings, spelled: Spelling) -> Values:
    """A preset, or two days of one's own."""
    values = _select("Period", "period", spelled, around.period, width=180, on_change=_period_chosen)
    if values["period"] != [CUSTOM]:
        return values
    ends = date(links.FIRST_YEAR, 1, 1), date(links.LAST_YEAR, 12, 31)  # else a link's day ten years back is dropped
    for name, label, note in (("from", "From", "The first day"), ("to", "To", "The first day after the period")):
        day = st.date_input(label, None, *ends, name, note, format="YYYY-MM-DD", width=150, bind="query-params")
        values[name] = [day.isoformat() if day else ""]
    return values


def _period_chosen() -> None:
    """One's own period starts from the one that was shown."""
    if st.session_state["period"] == CUSTOM:
        for name, day in (("from", view().scope.start), ("to", view().scope.end)):
            if day:  # the URL too: the widgets, not there yet, will not write what they find
                st.session_state[name], st.query_params[name] = day, day.isoformat()


def _more(around: Surroundings, spelled: Spelling) -> Values:
    """Segments, and the choices few people need. An expander, since it keeps its closed widgets in the URL.

    While it is closed, only those that are used are drawn: they are a fifth of what a rerun costs.
    """
    segments = {WHERE + s.name: s for s in around.catalog.visible if s.can_break_down or limits(s).is_open}
    st.session_state.setdefault("_more", st.session_state.get(OPEN, False))  # a page change forgets it
    more = st.expander("Segments and more", icon=":material/filter_alt:", key="_more", on_change="rerun")
    st.session_state[OPEN] = more.open
    drawn = [key for key in [*segments, *OTHERS] if more.open or _is_used(key)]
    if not drawn:
        return {}
    with (
        more,
        st.container(height=460 if len(drawn) > 24 else "content", border=False),
        st.grid(min_column_width=200, gap="small"),
    ):
        return {k: _segment(k, segments[k], spelled) if k in segments else OTHERS[k](around) for k in drawn}


def _as_of(around: Surroundings) -> list[str]:
    st.session_state[DEFAULTS]["as_of"] = ""
    return [
        st.text_input(
            "As of",
            key="as_of",
            placeholder=labels.instant(around.as_of),
            help="A day (2026-02-28: its end) or an instant in UTC (2026-02-28T12:00). Everything later is unseen.",
            bind="query-params",
        )
    ]


def _timezone(around: Surroundings) -> list[str]:
    zones, zone = spelling.zones(), around.calendar.timezone
    st.session_state[DEFAULTS]["timezone"] = zone
    return [st.selectbox("Time zone of days", zones, zones.index(zone), key="timezone", bind="query-params")]


def _top(_around: Surroundings) -> list[str]:
    st.session_state[DEFAULTS]["top"] = TOP
    return [str(st.number_input("Groups in a breakdown", 1, 50, TOP, key="top", bind="query-params"))]


OTHERS: Mapping[str, Callable[[Surroundings], list[str]]] = {"as_of": _as_of, "timezone": _timezone, "top": _top}


def _is_used(key: str) -> bool:
    """Whether its widget says something, or is to read it from the URL: on arrival, and on a way back."""
    value = st.session_state.get(key)
    return key in st.query_params or (bool(value) and value != st.session_state[DEFAULTS].get(key))


def _segment(key: str, segment: Segment, spelled: Spelling) -> list[str]:
    """The widget of one segment: several values, a range, or a period."""
    label = labels.escape(segment.label)
    note = "As it was when the journey started" if segment.at_start else None
    if segment.can_break_down:
        st.session_state[DEFAULTS][key] = []
        return list(
            st.multiselect(
                label,
                [NOT_SET if v is None else v for v in segment.values],
                format_func=lambda value: spelled.say(key, value),
                key=key,
                help=note,
                placeholder="All",
                bind="query-params",
            )
        )
    ends = limits(segment)
    if segment.kind == "date":
        st.session_state[DEFAULTS][key] = ()
        days = st.date_input(label, [], ends.low, ends.high, key, format="YYYY-MM-DD", help=note, bind="query-params")
        return [f"{days[0]}..{days[1]}"] if len(days) == 2 else []  # one day: the second is being picked
    whole = (ends.low, ends.high)
    st.session_state[DEFAULTS][key] = whole
    chosen = st.slider(label, *whole, whole, ends.step, "localized", key, help=note, bind="query-params")
    return [f"{plain(chosen[0])}..{plain(chosen[1])}"] if chosen != whole else []


def _reset() -> None:
    """Everything but the lifecycle back to its default, in the widgets and so in the URL."""
    for key, value in st.session_state[DEFAULTS].items():
        if key in st.session_state:
            st.session_state[key] = value


def _show(notices: list[str]) -> None:
    if notices:
        st.warning("  \n".join(labels.escape(notice) for notice in notices), icon=":material/filter_alt_off:")

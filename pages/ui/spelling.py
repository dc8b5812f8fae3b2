"""How the filter bar's widgets spell choices in the URL, and the terminal's names for them, which `links` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from lifecycle.links import WHERE, Params, Surroundings
from lifecycle.periods import GRAINS, PRESETS
from lifecycle.scope import BASES, COMPARISONS, COUNTS, Scope, window_text
from lifecycle.segments import NOT_SET, Choice
from pages.ui.labels import distinct
from pages.ui.ranges import limits

CUSTOM = "custom"
FRAME = ("model", "period", "from", "to", "as_of", "timezone", "compare", "by", "top")
FUNNEL = ("basis", "count", "window", "grain", "stages")


@dataclass(frozen=True)
class Spelling:
    """For each parameter with a closed set of choices: name at the terminal → words in the widget and the URL."""

    words: Mapping[str, Mapping[str, str]]

    def say(self, name: str, key: str) -> str:
        """The words for a choice; a choice without words is its own."""
        return self.words.get(name, {}).get(key, key)

    def name(self, name: str, word: str) -> str:
        """The choice that these words mean; unknown words stay as they are, for `links.read` to refuse."""
        return next((key for key, said in self.words.get(name, {}).items() if said == word), word)


def spelling(models: Mapping[str, str], around: Surroundings) -> Spelling:
    """The words of one model's filter bar; `models` are the labels of all."""
    segments = around.catalog.visible
    words: dict[str, Mapping[str, str]] = {
        "model": distinct(models),
        "period": PRESETS | {CUSTOM: "Custom"},
        "compare": COMPARISONS,
        "basis": BASES,
        "count": COUNTS,
        "grain": {grain: grain.capitalize() for grain in GRAINS},
        "by": distinct({s.name: s.label for s in segments if s.can_break_down}),
        "stages": distinct({s.key: s.label for s in around.model.progress}),
    }
    for segment in segments:
        if segment.can_break_down:
            values = {NOT_SET if v is None else v: f"{NOT_SET} not set" if v is None else v for v in segment.values}
            words[WHERE + segment.name] = distinct(values)
    return Spelling(words)


def read(url: Params, spelled: Spelling, around: Surroundings) -> dict[str, list[str]]:
    """The parameters of a URL as `links.read` knows them: names for words, one range for two bounds."""
    out: dict[str, list[str]] = {}
    for name, values in url.items():
        if name not in FRAME and name not in FUNNEL and not name.startswith(WHERE):
            continue
        found = [spelled.name(name, value) for value in values]
        segment = around.catalog.get(name.removeprefix(WHERE)) if name.startswith(WHERE) else None
        if name == "stages":
            found = [",".join(found)]
        elif segment and not segment.can_break_down and len(found) == 2 and ".." not in "".join(found):
            found = ["..".join(found)]
        out[name] = found
    return out


def write(scope: Scope, url: Params, spelled: Spelling, around: Surroundings) -> dict[str, list[str]]:
    """The URL in which the widgets read exactly `scope`, which came from `url`; parameters that are not ours stay."""
    ours = (*FRAME, *FUNNEL)
    out: dict[str, list[str]] = {n: list(v) for n, v in url.items() if n not in ours and not n.startswith(WHERE)}
    out["model"] = [scope.model]
    preset = spelled.name("period", (url.get("period") or [""])[-1])
    if preset in PRESETS and preset != around.period:
        out["period"] = [preset]
    elif preset not in PRESETS and {"from", "to"} & set(url) and (scope.start or scope.end):
        out["period"] = [CUSTOM]
        out |= {"from": [scope.start.isoformat()]} if scope.start else {}
        out |= {"to": [scope.end.isoformat()]} if scope.end else {}
    if scope.as_of != around.as_of:
        out["as_of"] = [scope.as_of.isoformat()]
    if scope.calendar.timezone != around.calendar.timezone:
        out["timezone"] = [scope.calendar.timezone]
    plain = Scope(model=scope.model, as_of=scope.as_of)
    for name in ("compare", "by", "top", "basis", "count", "grain"):
        if getattr(scope, name) != getattr(plain, name):
            out[name] = [str(getattr(scope, name))]
    out |= {"window": [window_text(scope.window)]} if scope.window else {}
    out |= {"stages": list(scope.stages)} if scope.stages else {}
    for f in scope.filters:
        if isinstance(f, Choice):
            out[WHERE + f.segment] = [NOT_SET if v is None else v for v in f.values]
        elif segment := around.catalog.get(f.segment):
            out[WHERE + f.segment] = limits(segment).spell(f)
    return {name: [spelled.say(name, value) for value in values] for name, values in out.items()}


@cache
def zones() -> list[str]:
    """The time zones on offer, in order."""
    return sorted(available_timezones())

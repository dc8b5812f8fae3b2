"""What makes a stage model consistent beyond the types of its fields: the rules, each with the message it gives."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lifecycle.stages import StageModel

# Columns of the journeys table that a stage's own two columns must not meet.
JOURNEY_COLUMNS = ("started_at", "exited_at")


def problems(model: "StageModel") -> Iterator[str]:
    """Everything inconsistent in a model, as `key path = value: rule; allowed: …`; nothing where all is well."""
    yield from _stage_problems(model)
    yield from _claim_problems(model)
    yield from _handoff_problems(model)


def say(path: str, value: object, rule: str) -> str:
    """A problem as people read it: where, the value (shortened), and the rule it breaks."""
    shown = repr(value)
    return f"{path} = {shown if len(shown) <= 80 else shown[:79] + '…'}: {rule}"


def names(keys: Iterable[str]) -> str:
    """The keys that are allowed, as a list to read."""
    return ", ".join(keys) or "none"


# Which keys of a stage make no sense for which kinds.
_FOREIGN = {
    "anonymous": ("enters", "enters_if", "enters_on", "requires", "optional", "limit_days"),
    "exit": ("enters_on", "requires", "optional", "limit_days"),
    "progress": (),
}


def _stage_problems(model: "StageModel") -> Iterator[str]:
    """What is wrong with single stages and with their order; no rule depends on how the switches are set."""
    progress = [s for s in model.stages if s.kind == "progress"]
    ranks = {s.key: rank for rank, s in enumerate(progress)}
    if all(s.switch for s in progress):
        yield "stages: at least one progress stage without a switch is needed"
    for i, s in enumerate(model.stages):
        at = f"stages[{i}]"
        for field in _FOREIGN[s.kind]:
            if getattr(s, field):
                yield say(f"{at}.{field}", getattr(s, field), f"not allowed for kind {s.kind!r}")
        for field, switch in [("switch", s.switch), *(("enters_if", name) for name in s.enters_if)]:
            if switch is not None and switch not in model.switches:
                yield say(f"{at}.{field}", switch, f"no such switch; allowed: {names(model.switches)}")
        if s.requires is not None:
            firm = [p.key for p in progress if not p.switch and not p.requires and ranks[p.key] < ranks.get(s.key, 0)]
            if s.requires not in firm:
                rule = "must be an earlier progress stage without `requires` and `switch`"
                yield say(f"{at}.requires", s.requires, f"{rule}; allowed: {names(firm)}")
            if not s.enters_on:
                yield say(f"{at}.requires", s.requires, "says when facts count, so `enters_on` is needed")
    used = {s.switch for s in model.stages} | {name for s in model.stages for name in s.enters_if}
    for name in model.switches:
        if name not in used:
            yield say(f"switches.{name}", model.switches[name], "switches nothing; name it in `switch` or `enters_if`")


def _claim_problems(model: "StageModel") -> Iterator[str]:
    """Keys, raw values, facts and columns that two places claim."""
    claims: dict[tuple[str, str], str] = {("column", name): "a column of every model" for name in JOURNEY_COLUMNS}
    claims |= {("raw value", raw): "`ignored`" for raw in model.ignored_values}
    keys: set[str] = set()
    for i, s in enumerate(model.stages):
        at = f"stages[{i}]"
        if s.key in keys:
            yield say(f"{at}.key", s.key, "used twice; every stage needs a key of its own")
            continue
        keys.add(s.key)
        wanted = [("raw value", raw, "enters") for raw in sorted(s.raw_values())]
        wanted += [("fact", fact, "enters_on") for fact in s.enters_on]
        if s.kind == "progress":
            wanted += [("column", f"{s.key}{suffix}", "key") for suffix in ("_at", "_passed_at")]
        for what, name, field in wanted:
            if (what, name) in claims:
                yield say(f"{at}.{field}", name, f"{what} already claimed by {claims[what, name]}; one place only")
            claims[what, name] = f"stage {s.key!r}"


def _handoff_problems(model: "StageModel") -> Iterator[str]:
    """Stages named by the handoff that are unknown, of the wrong kind or on the wrong side of it."""
    if model.handoff is None:
        return
    firm = [s for s in model.stages if not s.switch]
    progress = [s.key for s in firm if s.kind == "progress"]
    start = model.handoff.from_
    if start not in progress:
        yield say("handoff.from", start, f"must be a progress stage without a switch; allowed: {names(progress)}")
        return
    later, earlier = progress[progress.index(start) + 1 :], progress[: progress.index(start)]
    leaving = [s.key for s in firm if s.kind == "exit"] + earlier
    for field, keys, allowed, rule in (
        ("accepted", model.handoff.accepted, later, "must be a later progress stage"),
        ("rejected", model.handoff.rejected, leaving, "must be an exit or an earlier progress stage"),
    ):
        for i, key in enumerate(keys):
            if key not in allowed:
                yield say(f"handoff.{field}[{i}]", key, f"{rule}; allowed: {names(allowed)}")

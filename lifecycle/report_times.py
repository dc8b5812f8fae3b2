"""Time in stage over time, the stalled and the ways out as plain dictionaries: the same numbers as the page's tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lifecycle.durations import OPEN, LifeTable
from lifecycle.flow import AGES, Stock
from lifecycle.report_pace import contrast, interval
from lifecycle.stages import StageModel
from lifecycle.stalled import Heap, Stalled, stalled_of
from lifecycle.time_in_stage import ADVANCED, Month, StageTimes, Trend, outcomes, reach
from lifecycle.ways_out import Gap, Share, between_parts, since_before, told_until

Named = Mapping[str | None, str | None]


def times_report(
    answer: StageTimes, model: StageModel, trends: Sequence[Trend], stocks: Sequence[Stock], waiting: Stalled
) -> dict[str, Any]:
    """What the other tabs show, of the whole (segment {}) and of each value of the breakdown.

    `changes`: each stage's pace beside the compared period's. `ways_differences`: the share that has gone a way within
    `within_seconds`. `trend` and `stock_by_age`: by period; the ages are days, half-open. `stalled`: at as_of;
    `before`: at the end of the compared period's time. `differences`: of a value from all others together, or of the
    whole (segment {}) from before; the clearest first.
    """
    by = answer.scope.by
    return {
        "changes": [
            {"stage": c.about, "slower": c.is_slower, "p": c.p, "clear": c.is_clear, "apart": c.is_apart}
            for c in answer.changes
        ],
        "ways_differences": [row for stage in answer.stages for row in _ways(answer, model, stage)],
        "trend": [row for found in trends for row in _trend(found, by)],
        "stock_by_age": [row for found in stocks for row in _stock(found, by)],
        "stock_differences": [
            {"stage": found.stage, "longer_than_days": c.about} | contrast(by, c)
            for found in stocks
            for c in (*found.changes, *found.contrasts)
        ],
        "stalled": {
            "limits": [{"stage": x.stage, "seconds": x.seconds, "kind": x.kind} for x in waiting.limits],
            "rows": _each_stalled(waiting, by),
            "before": list(_stalled(waiting.comparison, waiting.comparison.heaps, {})) if waiting.comparison else None,
            "differences": [{"stage": c.about} | contrast(by, c) for c in (*waiting.changes, *waiting.contrasts)],
        },
    }


def arrivals_report(answer: StageTimes, cohorts: Trend) -> dict[str, Any]:
    """Who arrives at a later stage, of the whole (segment {}) and of each value of the breakdown.

    `arrivals`: `share` is expected within `within_seconds`, the time that can be told, those on the way counted as
    waiting; `p50` and `p90` are the seconds within which so many of them arrive, null = not reached. `cohorts`: the
    same by period of entry. `ways_differences`: the share that has arrived within `within_seconds`.
    """
    start, by = answer.stages[0], answer.scope.by
    parts = [({by: value}, answer.part(start, value)) for value in answer.segments]
    return {
        "arrivals": [{"segment": segment} | _arrived(t) for segment, t in [({}, answer.of(start)), *parts]],
        "cohorts": [{"period": m.period.isoformat()} | _arrived(m.table) for m in cohorts.months],
        "ways_differences": list(_differences(answer, start, answer.of(start).seen, lambda _: [ADVANCED])),
    }


def _arrived(table: LifeTable) -> dict[str, Any]:
    arrived = table.ended([ADVANCED])
    share = table.share([ADVANCED], table.seen) if table.n else None
    told: dict[str, Any] = {
        "n": table.n,
        "arrived": arrived,
        "left": table.events - arrived,
        "on_the_way": table.censored,
    }
    told |= {"share": share, "within_seconds": table.seen if table.n else None}
    return told | {f"p{q}": table.time_to([ADVANCED], q / 100 * share) if share else None for q in (50, 90)}


def _ways(answer: StageTimes, model: StageModel, stage: str) -> Iterable[dict[str, Any]]:
    both = [answer.of(stage), *([answer.comparison.of(stage)] if answer.comparison else [])]
    rows = _differences(answer, stage, reach(both), partial(outcomes, model=model), OPEN)
    return ({"stage": stage} | row for row in rows)


def _differences(
    answer: StageTimes, stage: str, most: float, ways: Callable[[Sequence[LifeTable]], list[str]], *still: str
) -> Iterable[dict[str, Any]]:
    """Of the whole from before (`still` as a way too), and of each part from all others, until `most` seconds."""
    whole, before = answer.of(stage), answer.comparison.of(stage) if answer.comparison else None
    tables = {value: table for value in answer.segments if (table := answer.part(stage, value)).n}
    if before is not None:
        seconds = told_until([whole, before], most)
        for gap in since_before(whole, before, [*ways([whole, before]), *still], seconds):
            yield {"segment": {}, "within_seconds": seconds} | _gap(gap)
    if tables:
        seconds = told_until(tables.values(), most)
        for gap in between_parts(tables, ways(list(tables.values())), seconds):
            yield {"segment": {answer.scope.by: gap.name}, "within_seconds": seconds} | _gap(gap)


def _gap(gap: Gap) -> dict[str, Any]:
    told = {"outcome": gap.outcome, "here": _share(gap.here), "there": _share(gap.there)}
    return told | {"difference": interval(gap.difference), "clear": gap.clear}


def _share(share: Share) -> dict[str, float | int]:
    low, high = share.interval
    return {"n": share.n, "value": share.value, "low": low, "high": high}


def _trend(found: Trend, by: str | None) -> Iterable[dict[str, Any]]:
    changes = {c.about: c for c in found.changes}
    each: list[tuple[Named, Sequence[Month]]] = [({}, found.months)]
    each += [({by: part.name}, part.answer) for part in found.parts]
    for segment, months in each:
        for i, month in enumerate(months):
            low, high = month.table.quantile_band(0.5)
            row: dict[str, Any] = {"segment": dict(segment), "stage": found.stage, "period": month.period.isoformat()}
            row |= {"n": month.table.n, "censored": month.table.censored, "p50": month.table.quantile(0.5)}
            row |= {"p50_low": low, "p50_high": high, "p90": month.table.quantile(0.9)}
            if found.comparison and not segment and i < len(found.comparison.months):
                then, change = found.comparison.months[i], changes.get(month.period)
                row["before"] = {"period": then.period.isoformat(), "n": then.table.n}
                row["before"] |= {"p50": then.table.quantile(0.5), "p90": then.table.quantile(0.9)}
                row["before"] |= {"p": change.p if change else None}
            yield row


def _stock(found: Stock, by: str | None) -> Iterable[dict[str, Any]]:
    names = [f"{low}–{high}" if high else f"{low}–" for low, high in zip(AGES, (*AGES[1:], None), strict=True)]
    parts: list[tuple[Named, tuple[tuple[int, ...], ...]]] = [({}, found.n)]
    parts += [({by: part.name}, part.answer) for part in found.parts]
    for segment, n in parts:
        for period, ages in zip(found.periods, n, strict=True):
            told = {"segment": dict(segment), "stage": found.stage, "period": period.isoformat()}
            yield told | {"days": dict(zip(names, ages, strict=True))}


def _each_stalled(found: Stalled, by: str | None) -> list[dict[str, Any]]:
    parts: list[tuple[Named, tuple[Heap, ...]]] = [({}, found.heaps)]
    parts += [({by: part.name}, part.answer) for part in found.parts]
    return [row for segment, heaps in parts for row in _stalled(found, heaps, segment)]


def _stalled(found: Stalled, heaps: Sequence[Heap], segment: Named) -> Iterable[dict[str, Any]]:
    for limit in found.limits:
        amounts = [h.amount for h in heaps if h.stage == limit.stage and h.amount is not None]
        share = stalled_of(heaps, limit.stage).as_dict()
        yield {"segment": dict(segment), "stage": limit.stage, **share, "amount": sum(amounts) if amounts else None}

"""What the overview checks: each function asks for its evidence and applies its rules; a later subject adds its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from lifecycle import attention
from lifecycle.attention import Figure, Freshness, Sign
from lifecycle.funnel import Funnel
from lifecycle.rates import Difference, Rate
from lifecycle.stages import StageModel
from lifecycle.volumes import Count
from pages.overview.headlines import against, followed
from pages.ui import data, labels
from pages.ui.failures import Failure
from pages.ui.filters import View
from queries import overview
from queries.agreement import profile
from queries.durations import life_tables
from queries.service import kept


def freshness(v: View) -> list[Sign]:
    """Whether the data is old."""
    return attention.stale(freshness_of(v), datetime.now(UTC).replace(tzinfo=None))


def targets(v: View) -> list[Sign] | Failure:
    """Whether the targets of the months were met."""
    found = data.ask(overview.attainment, v.modelled, v.scope.whole)
    return found if isinstance(found, Failure) else attention.missed(found)


def conversion(v: View) -> list[Sign] | Failure:
    """Where journeys go on more or less often than before, than elsewhere, than without an optional stage."""
    found = followed(v)
    if isinstance(found, Failure):
        return found
    return data.drawn(partial(_of_steps, v.modelled.model), found)


def _of_steps(model: StageModel, found: Funnel) -> list[Sign]:
    return [
        *attention.changed(model, found),
        *attention.beside_benchmark(model, found),
        *attention.tried(found),
    ]


def waiting(v: View) -> list[Sign] | Failure:
    """Where they wait for too long."""
    found = data.ask(overview.waiting, v.modelled, v.scope.whole)
    return found if isinstance(found, Failure) else attention.stalled(v.modelled.model, found)


def agreement(v: View) -> list[Sign] | Failure:
    """Whose leads sales accepts unlike all others."""
    if v.modelled.model.handoff is None:
        return []
    found = data.ask(profile, v.modelled, v.scope.whole)
    model = v.modelled.model
    return found if isinstance(found, Failure) else data.drawn(lambda a: attention.apart(model, a.rows), found)


def response(v: View) -> list[Sign] | Failure:
    """Whether sales responds in time less or more often than before; nothing where no activities are recorded."""
    if v.modelled.model.handoff is None or "activities" not in v.modelled.sources:
        return []
    found = data.ask(kept, v.modelled, against(v.scope.whole), data.settings().working_time)
    if isinstance(found, Failure):
        return found
    model = v.modelled.model
    return data.drawn(lambda a: attention.slower(model, a.now, a.before) if a.before else [], found)


def pace(v: View) -> list[Sign] | Failure:
    """Which stages take longer, or less time, than before."""
    found = data.ask(life_tables, v.modelled, against(v.scope.whole))
    model = v.modelled.model
    return found if isinstance(found, Failure) else data.drawn(lambda a: attention.paced(model, a.changes), found)


CHECKS = (freshness, targets, conversion, agreement, response, pace, waiting)


def freshness_of(v: View) -> Freshness:
    build = v.modelled.build
    return Freshness(build.as_of, build.loaded_at, build.finished, data.settings().stale_after_days)


def short(value: Figure) -> str:
    """The figure alone."""
    match value:
        case Rate():
            return labels.percent(value.value)
        case Difference():
            return labels.points(value) or ""
        case Count():
            return labels.count(value.value)
        case timedelta():
            return labels.duration(value.total_seconds())
        case datetime():
            return labels.instant(value)
        case float():
            return labels.percent(value)
        case int():
            return labels.count(value)
        case str():
            return value


def figure(value: Figure) -> str:
    """The figure with what lies under it."""
    return f"{short(value)} ({value.numerator:,} of {value.denominator:,})" if isinstance(value, Rate) else short(value)


def interval(value: Figure) -> str:
    """The interval of a figure, and what lies under it; empty for what has none."""
    match value:
        case Rate():
            return labels.interval(value)
        case Difference():
            return f"{labels.between(value)} pp"
        case Count():
            low, high = value.interval
            return f"{low:,.0f}–{high:,.0f}"
        case _:
            return ""

"""What marketing promised, asked: leads delivered and accepted per month beside the company's targets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.commitment import Commitment, months
from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries.agreement import alignment
from queries.contract import Source
from queries.handoff import handoff_of
from queries.modelled import Modelled
from queries.warehouse import Rendered

TARGETS = pa.schema([("month", pa.date32()), ("metric", pa.string()), ("value", pa.float64())])


def commitment(m: Modelled, scope: Scope) -> Commitment:
    """Leads delivered and, of these, accepted so far, per whole month that the period touches, beside its target.

    Targets of the whole company, or of the values of a segment that `targets` names and the filters choose; under any
    other filter there is none. Raises WarehouseError("missing") where the model has no handoff.
    """
    found = alignment(m, monthly(scope))
    trend = found.trend or {}
    key = handoff_of(m).from_
    aimed, asked = _targets(m, scope, list(trend))
    delivered = _first(aimed, f"{key}s_delivered", f"{key}_delivered", f"{key}s", key)
    accepted = _first(aimed, f"{key}s_accepted", f"{key}_accepted")
    made = months(list(trend), trend, delivered, accepted, scope.calendar, scope.as_of)
    source = "targets" if delivered or accepted else None
    return Commitment(m.model.name, m.build.id, scope, made, source, (*found.statements, *asked))


def monthly(scope: Scope) -> Scope:
    """The whole months that the period touches: a promise is made for a month, never for a part of one."""
    start = scope.calendar.floor(scope.start, "month") if scope.start else None
    end = scope.end
    if end is not None:
        last = scope.calendar.floor(end - timedelta(days=1), "month")
        end = scope.calendar.step(last, "month")
    plain = replace(scope.calendar, fiscal_month=1)
    return replace(scope, start=start, end=end, by=None, grain="month", compare="none", calendar=plain)


def _first(aimed: dict[str, dict[date, float]], *names: str) -> dict[date, float]:
    return next((aimed[name] for name in names if name in aimed), {})


def _targets(m: Modelled, scope: Scope, periods: list[date]) -> tuple[dict[str, dict[date, float]], list[Rendered]]:
    """Metric → first day of the month → target."""
    source = m.sources.get("targets")
    conditions = _about(source, scope) if source else None
    if source is None or conditions is None or not periods:
        return {}, []
    where = [source["month"] >= periods[0], source["month"] < scope.calendar.step(periods[-1], "month"), *conditions]
    value: sa.ColumnElement = sa.cast(sa.func.sum(source["value"]), sa.Double())
    statement = sa.select(source["month"], source["metric"], value).select_from(source.table).where(*where)
    table, rendered = m.ask(statement.group_by(source["month"], source["metric"]), TARGETS)
    out: dict[str, dict[date, float]] = {}
    for row in table.to_pylist():
        month, aimed = row["month"].replace(day=1), out.setdefault(row["metric"], {})
        aimed[month] = aimed.get(month, 0.0) + row["value"]
    return out, [rendered]


def _about(source: Source, scope: Scope) -> list[sa.ColumnElement[bool]] | None:
    """Which rows of `targets` speak of the population that the filters leave; None where none can."""
    chosen = {f.segment: f.values for f in scope.filters if isinstance(f, Choice)}
    if len(chosen) < len(scope.filters) or any(n not in source.extra or None in v for n, v in chosen.items()):
        return None
    return [
        source.column(name).in_(chosen[name]) if name in chosen else source.column(name).is_(None)
        for name in source.extra
    ]

"""Spend, asked: what was spent to acquire or to keep customers, as far as filters and breakdown can tell it apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.scope import Scope
from lifecycle.segments import Choice
from queries.contract import Source
from queries.modelled import Modelled, one_of
from queries.warehouse import Rendered


@dataclass(frozen=True)
class Spend:
    """Acquisition spend of a period, by value of a segment ("" = the whole); None where no share can be told apart."""

    by_value: dict[str | None, float] | None = None
    statements: tuple[Rendered, ...] = ()

    @property
    def total(self) -> float | None:
        return None if self.by_value is None else sum(self.by_value.values())

    def of(self, values: Collection[str | None]) -> float | None:
        """Spend on some values of the segment."""
        return None if self.by_value is None else sum(self.by_value.get(v, 0.0) for v in values)


def acquisition_spend(m: Modelled, scope: Scope, by: str | None) -> Spend:
    """What was spent to acquire in the period, of the whole or per value of a segment.

    Unknown where there is no spend table, or where the breakdown or a filter names a column that spend does not have:
    then no share of it could be told apart.
    """
    found = _spent(m, scope, "acquire")
    if found is None or (by is not None and by not in found[0].extra):
        return Spend()
    spend, where = found
    group = [spend.column(by)] if by else []  # a constant is nothing to group by: PostgreSQL refuses it
    value = group[0] if group else sa.literal_column("''")
    statement = sa.select(value.label("value"), sa.func.sum(spend["amount"]).label("amount")).select_from(spend.table)
    schema = pa.schema([("value", pa.string()), ("amount", pa.float64())])
    table, rendered = m.ask(statement.where(*where).group_by(*group), schema)
    return Spend({row["value"]: row["amount"] or 0.0 for row in table.to_pylist()}, (rendered,))


def spend_by_day(m: Modelled, scope: Scope, purpose: str) -> tuple[dict[date, float] | None, tuple[Rendered, ...]]:
    """What was spent for a purpose (acquire, keep) on each day of the period; None where that is unknown."""
    found = _spent(m, scope, purpose)
    if found is None:
        return None, ()
    spend, where = found
    amount: sa.ColumnElement = sa.cast(sa.func.sum(spend["amount"]), sa.Double()).label("amount")
    statement = sa.select(spend["day"].label("day"), amount).select_from(spend.table).where(*where)
    schema = pa.schema([("day", pa.date32()), ("amount", pa.float64())])
    table, rendered = m.ask(statement.group_by(spend["day"]), schema)
    return {row["day"]: row["amount"] or 0.0 for row in table.to_pylist()}, (rendered,)


def _spent(m: Modelled, scope: Scope, purpose: str) -> tuple[Source, list[sa.ColumnElement[bool]]] | None:
    """The spend of the period for a purpose: the source, and conditions. Without purposes, all of it is acquisition."""
    spend = m.sources.get("spend")
    if spend is None or (purpose != "acquire" and not spend.has("purpose")):
        return None
    where: list[sa.ColumnElement[bool]] = [spend["purpose"] == purpose] if spend.has("purpose") else []
    for f in scope.filters:
        if not isinstance(f, Choice) or f.segment not in spend.extra:
            return None
        where.append(one_of(spend.column(f.segment), f.values))
    where += [spend["day"] >= scope.start] if scope.start else []
    where += [spend["day"] < scope.end] if scope.end else []
    where.append(spend["day"] <= scope.calendar.day(scope.as_of))
    return spend, where

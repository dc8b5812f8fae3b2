"""Bypassed leads beside those that were handed over and accepted, asked."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.bypass import Evidence, Middle, traits
from lifecycle.scope import Scope
from queries.agreement import profile
from queries.dialect import quantile
from queries.handoff import handed
from queries.modelled import Modelled
from queries.warehouse import Rendered


def evidence(m: Modelled, scope: Scope) -> Evidence:
    """What sets bypasses apart: shares of every segment value, medians of every number such as budget or score."""
    found = profile(m, replace(scope, compare="none"))
    middles, n, asked = _middles(m, scope)
    return Evidence(n, traits(found.segments.values()), middles, (*found.statements, asked))


def _middles(m: Modelled, scope: Scope) -> tuple[tuple[Middle, ...], int, Rendered]:
    numbers = [s for s in m.catalog.visible if s.kind == "number"]
    c = handed(m, scope, [s.column for s in numbers]).c
    columns: list[sa.ColumnElement] = [sa.func.count(sa.case((c.outcome == "bypass", 1))).label("n")]
    fields = [("n", pa.int64())]
    for i, s in enumerate(numbers):
        for outcome in ("bypass", "accepted"):
            value = sa.case((c.outcome == outcome, c[s.column]))
            columns += [quantile(value, 0.5).label(f"{outcome}{i}"), sa.func.count(value).label(f"n_{outcome}{i}")]
            fields += [(f"{outcome}{i}", pa.float64()), (f"n_{outcome}{i}", pa.int64())]
    table, rendered = m.ask(sa.select(*columns), pa.schema(fields))
    row = table.to_pylist()[0]
    middles = tuple(
        Middle(s.name, row[f"bypass{i}"], row[f"n_bypass{i}"], row[f"accepted{i}"], row[f"n_accepted{i}"])
        for i, s in enumerate(numbers)
    )
    return middles, row["n"], rendered

"""The audit sample, asked: records that both teams judged, the universe in which the fourth cell is known."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa

from lifecycle.chance import TwoByTwo
from lifecycle.scope import Scope
from queries.counted import in_period
from queries.modelled import Modelled
from queries.warehouse import Rendered

CELLS = pa.schema([("marketing", pa.bool_()), ("sales", pa.bool_()), ("n", pa.int64())])


@dataclass(frozen=True)
class Audit:
    """The verdicts of both teams on the audited records."""

    cells: TwoByTwo
    statements: tuple[Rendered, ...]


def audit(m: Modelled, scope: Scope) -> Audit | None:
    """The 2×2 of the table `audits` in the period; records that one team did not judge are left out.

    None without that table, and under filters: a sample is drawn from the whole.
    """
    source = m.sources.get("audits")
    if source is None or scope.filters:
        return None
    yes, no = source["marketing"], source["sales"]
    where: list[sa.ColumnElement[bool]] = [yes.is_not(None), no.is_not(None)]
    where += in_period(source["audited_at"], scope) if source.has("audited_at") else []
    statement = sa.select(yes.label("marketing"), no.label("sales"), sa.func.count().label("n"))
    table, rendered = m.ask(statement.select_from(source.table).where(*where).group_by(yes, no), CELLS)
    found = {(row["marketing"], row["sales"]): row["n"] for row in table.to_pylist()}
    both, rejected, bypass, neither = (
        found.get(key, 0) for key in ((True, True), (True, False), (False, True), (False, False))
    )
    return Audit(TwoByTwo(both, rejected, bypass, neither), (rendered,))

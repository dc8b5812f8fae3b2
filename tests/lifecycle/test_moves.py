"""How moves are classified, timed and compared; stock and flow."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from lifecycle.moves import Moves, between_parts, kind_of, life_tables, since_before, time_of, transitions
from lifecycle.parts import Part
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models
from lifecycle.stockflow import flows

CRM, TRIAL = shipped_models()["crm"], shipped_models()["sal_pql"]
DAY = 86_400.0
SCOPE = Scope("crm", datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("start", "end", "kind"),
    [
        ("lead", "mql", "advance"),
        ("lead", "sql", "skip"),
        ("sql", "mql", "regress"),
        ("mql", "recycled", "recycle"),
        ("mql", "lost", "exit"),
        ("recycled", "mql", "reopen"),
        ("mql", None, "open"),
        ("recycled", None, "open"),
    ],
)
def test_every_move_has_its_kind(start: str, end: str | None, kind: str) -> None:
    assert kind_of(CRM, start, end) == kind


def test_an_optional_stage_is_never_skipped() -> None:
    assert kind_of(TRIAL, "opportunity", "customer") == "advance"
    assert kind_of(TRIAL, "sql", "customer") == "skip"


def test_the_median_of_a_move_is_not_made_short_by_the_young() -> None:
    """100 stays move on after 10 days or 30, half each; those that began lately were seen for 20 days only."""
    old = [("lead", "mql", 10 * DAY, 25), ("lead", "mql", 30 * DAY, 25)]
    young = [("lead", "mql", 10 * DAY, 25), ("lead", None, 20 * DAY, 25)]
    table = life_tables([*old, *young])["lead"]
    assert time_of(table, "mql") == 10 * DAY
    assert time_of(table, "mql", 0.6) == 30 * DAY  # of the 75 that were seen to move, 50 had after 10 days
    assert time_of(table, "lost") is None


def moves(whole: dict, parts: dict[str, dict] | None = None, comparison: Moves | None = None) -> Moves:
    made = tuple(Part(name, (name,), transitions(CRM, counts)) for name, counts in (parts or {}).items())
    return Moves("crm", 1, SCOPE, transitions(CRM, whole), made, comparison)


def test_groups_are_set_beside_all_others_and_only_what_is_clear_stands_out() -> None:
    paid = {("mql", "sql"): 10, ("mql", "lost"): 90, ("lead", "mql"): 51, ("lead", None): 49}
    other = {("mql", "sql"): 50, ("mql", "lost"): 50, ("lead", "mql"): 50, ("lead", None): 50}
    found = between_parts(moves({k: paid[k] + other[k] for k in paid}, {"paid": paid, "other": other}))
    clear = [(c.name, *c.about) for c in found if c.clear]
    assert {c[1] for c in clear} == {"mql"}
    first = found[0]
    assert first.difference is not None
    assert abs(first.difference.value) == pytest.approx(0.4)
    assert (first.here.denominator, first.there.denominator) == (100, 100)


def test_a_move_that_a_group_never_makes_counts_as_none_of_its_stays() -> None:
    paid = {("mql", "sql"): 40}
    other = {("mql", "lost"): 40}
    found = between_parts(moves({**paid, **other}, {"paid": paid, "other": other}))
    shares = {(c.name, c.about[1]): (c.here.numerator, c.here.denominator) for c in found}
    assert shares["paid", "lost"] == (0, 40)


def test_few_stays_are_not_compared() -> None:
    before = moves({("mql", "sql"): 10, ("mql", "lost"): 19})
    assert since_before(moves({("mql", "sql"): 500, ("mql", "lost"): 500}, comparison=before)) == ()
    assert since_before(moves({("mql", "sql"): 500})) == ()


def test_shares_of_moves_leave_out_who_has_not_moved() -> None:
    found = moves({("mql", "sql"): 6, ("mql", "recycled"): 2, ("recycled", "mql"): 1, ("mql", None): 91})
    back = found.share_of("regress", "recycle", "reopen")
    assert (back.numerator, back.denominator) == (3, 9)
    assert (found.n("mql"), found.n()) == (99, 100)


def test_stock_is_carried_from_period_to_period() -> None:
    january, february, march = (date(2026, m, 1) for m in (1, 2, 3))
    entered = [
        ("lead", None, january, 5),
        ("mql", "lead", january, 2),
        ("lost", "lead", march, 1),
        ("lead", "lost", march, 1),
    ]
    left = [("lead", "mql", january, 2), ("lead", "lost", march, 1), ("lost", "lead", march, 1)]
    flowing = flows(CRM, [january, february, march], {"lead": 10}, entered, left)
    found = {(f.stage, f.period.month): f for f in flowing}
    assert [found["lead", m].start for m in (1, 2, 3)] == [10, 13, 13]
    assert found["lead", 1].came == {"new": 5}
    assert found["lead", 3].came == {"reopen": 1}
    assert found["lead", 3].went == {"exit": 1}
    assert [found["mql", m].end for m in (1, 2, 3)] == [2, 2, 2]
    assert ("customer", 1) not in found  # nobody ever was in it

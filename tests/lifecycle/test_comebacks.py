"""Who comes back, part beside part: sums, and differences that chance does not explain."""

from __future__ import annotations

from datetime import datetime

from lifecycle.comebacks import FIRST, RETURNED, WON, Back, Comebacks, between_parts, since_before
from lifecycle.durations import OPEN, LifeTable, joined
from lifecycle.parts import Part
from lifecycle.scope import Scope

DAY = 86_400.0


def back(returned: int, left: int, won: int, again: int) -> Back:
    """So many left by recycling and returned; so many came back and won."""
    returns = LifeTable(((DAY, RETURNED, returned), (9 * DAY, OPEN, left - returned)))
    attempts = LifeTable(((2 * DAY, WON, won), (9 * DAY, OPEN, again - won)))
    return Back({"recycled": returns}, {FIRST: LifeTable(((DAY, WON, 5), (DAY, OPEN, 95))), "recycled": attempts})


def answer(parts: dict[str, Back], comparison: Comebacks | None = None) -> Comebacks:
    returns = {"recycled": joined(part.returns["recycled"] for part in parts.values())}
    attempts = {key: joined(part.attempts[key] for part in parts.values()) for key in (FIRST, "recycled")}
    made = tuple(Part(name, (name,), part) for name, part in parts.items())
    scope = Scope("crm", datetime(2026, 1, 1))
    return Comebacks(returns, attempts, "crm", 1, scope, "customer", made, comparison)


def test_a_part_is_set_beside_all_the_others() -> None:
    found = between_parts(answer({"paid": back(5, 100, 3, 40), "other": back(60, 200, 3, 50)}))
    returned = next(c for c in found if c.about == (RETURNED, "recycled") and c.name == "paid")
    assert (returned.here.numerator, returned.here.denominator) == (5, 100)
    assert (returned.there.numerator, returned.there.denominator) == (60, 200)
    assert returned.clear
    won = next(c for c in found if c.about == (WON, "recycled") and c.name == "paid")
    assert (won.here.numerator, won.here.denominator) == (3, 40)
    assert not won.clear
    assert {c.about[1] for c in found} == {"recycled"}  # the only exit is all exits


def test_a_period_is_set_beside_the_one_before_it() -> None:
    before = answer({"all": back(60, 200, 3, 50)})
    found = since_before(answer({"all": back(20, 200, 3, 20)}, before))
    assert [(c.about, c.clear, c.values) for c in found] == [((RETURNED, "recycled"), True, ())]  # 20 are too few
    assert since_before(before) == ()


def test_all_exits_together_leave_out_first_journeys() -> None:
    found = answer({"paid": back(5, 100, 3, 40), "other": back(60, 200, 3, 50)})
    assert (found.returned().numerator, found.returned().denominator) == (65, 300)
    assert (found.conversion(None).numerator, found.conversion(None).denominator) == (6, 90)
    assert (found.conversion().numerator, found.conversion().denominator) == (10, 200)

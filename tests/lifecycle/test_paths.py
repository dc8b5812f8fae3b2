"""The flow diagram's arithmetic: nothing is lost, nothing overlaps, ribbons meet their nodes."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.paths import LEAST, MOST, OTHER, Entered, Node, Paths, Ribbon, curve, layout
from lifecycle.routes import base, most_steps, routes, stages_of
from lifecycle.scope import Scope
from lifecycle.stages import shipped_models

CRM = shipped_models()["crm"]
KEYS = [s.key for s in (*CRM.progress, *CRM.exits)]


def walked(histories: list[list[str]]) -> Paths:
    """Entities by their histories, as the warehouse counts their steps."""
    counted: dict[tuple, int] = defaultdict(int)
    for history in histories:
        visits: dict[str, int] = defaultdict(int)
        before: tuple[str | None, int | None] = (None, None)
        for step, stage in enumerate(history, 1):
            visits[stage] += 1
            counted[step, stage, visits[stage], *before] += 1
            before = stage, visits[stage]
    return Paths(tuple(Entered(*key, n) for key, n in counted.items()), "crm", 1, Scope("crm", datetime(2026, 1, 1)))


def test_a_recycled_lead_comes_back_as_another_node() -> None:
    nodes, ribbons = layout(CRM, walked([["mql", "recycled", "mql", "sql"], ["mql", "sql"], ["mql"]]))
    assert {(n.step, n.stage, n.visit): (n.n, n.stayed) for n in nodes} == {
        (1, "mql", 1): (3, 1),
        (2, "sql", 1): (1, 1),
        (2, "recycled", 1): (1, 0),
        (3, "mql", 2): (1, 0),
        (4, "sql", 1): (1, 1),
    }
    assert [(r.start.stage, r.end.stage, r.kind) for r in ribbons] == [
        ("mql", "sql", "advance"),  # column after column, from the top down
        ("mql", "recycled", "recycle"),
        ("recycled", "mql", "reopen"),
        ("mql", "sql", "advance"),
    ]


def test_rare_stages_stand_together() -> None:
    histories = [["lead", "mql"]] * 2_000 + [["lead", "lost"]] * 3 + [["lead", "disqualified"]] * 3
    nodes, ribbons = layout(CRM, walked(histories))
    assert {(n.stage, n.n) for n in nodes if n.step == 2} == {("mql", 2_000), (None, 6)}
    assert {(r.kind, r.n) for r in ribbons} == {("advance", 2_000), (OTHER, 6)}


def test_nobody_gives_no_picture() -> None:
    assert layout(CRM, walked([])) == ((), ())


HISTORIES = st.lists(st.lists(st.sampled_from(KEYS), min_size=1, max_size=6), min_size=1, max_size=40)


@given(HISTORIES)
def test_everybody_is_drawn_once_a_step(histories: list[list[str]]) -> None:
    alone = [[stage for i, stage in enumerate(h) if not i or h[i - 1] != stage] for h in histories]
    paths = walked(alone)
    nodes, ribbons = layout(CRM, paths)
    columns = {n.step for n in nodes}
    for step in columns:
        column = [n for n in nodes if n.step == step]
        assert sum(n.n for n in column) == sum(len(h) >= step for h in alone)
        assert sum(n.stage is not None for n in column) <= MOST + 1
        assert all(n.n >= LEAST * paths.entities for n in column if n.stage is not None)
        for above, below in pairwise(column):
            assert below.high < above.low  # nothing overlaps
    for node in nodes:
        out = sum(r.n for r in ribbons if r.start == node)
        assert node.n == out + node.stayed
        if node.step > 1:
            assert sum(r.n for r in ribbons if r.end == node) == node.n
        assert node.high - node.low == pytest.approx(node.n / paths.entities)
    check_ends(nodes, ribbons, paths.entities)


def check_ends(nodes: tuple[Node, ...], ribbons: tuple[Ribbon, ...], total: int) -> None:
    """At both ends ribbons lie within their node, side by side."""
    for r in ribbons:
        (_, low, high), (_, arrives_low, arrives_high) = r.outline[0], r.outline[-1]
        assert high - low == pytest.approx(r.n / total)
        assert r.start.low - 1e-9 <= low and high <= r.start.high + 1e-9
        assert r.end.low - 1e-9 <= arrives_low and arrives_high <= r.end.high + 1e-9
    for node in nodes:
        leaving = sorted(r.outline[0][1:] for r in ribbons if r.start == node)
        reaching = sorted(r.outline[-1][1:] for r in ribbons if r.end == node)
        for spans in (leaving, reaching):
            assert all(upper[0] >= lower[1] - 1e-9 for lower, upper in pairwise(spans))


def test_a_ribbon_leaves_and_arrives_level() -> None:
    points = curve(1.0, 0.9, 2.0, 0.3, 0.1)
    assert points[0] == pytest.approx((1.0, 0.8, 0.9))
    assert points[-1] == pytest.approx((2.0, 0.2, 0.3))
    assert points[len(points) // 2] == pytest.approx((1.5, 0.5, 0.6))
    assert all(high - low == pytest.approx(0.1) for _, low, high in points)
    assert abs(points[1][2] - points[0][2]) < abs(points[9][2] - points[8][2])


@given(st.lists(st.sampled_from([s.key for s in CRM.progress]), max_size=most_steps(CRM)))
def test_a_route_travels_as_a_number(route: list[str]) -> None:
    number = sum(CRM.rank(stage) * base(CRM) ** k for k, stage in enumerate(route))
    assert number < 2**63
    assert stages_of(CRM, number) == tuple(route)


def test_routes_share_the_whole() -> None:
    number = CRM.rank("lead")
    found = routes(
        CRM,
        [
            (number, 1, "won", 3, 86_400.0),
            (number, 1, "lost", 2, None),
            (number, 1, "open", 5, None),
            (None, 0, "open", 90, None),
            (0, 0, "won", 4, 0.0),
        ],
    )
    assert [(r.stages, r.n, r.open, r.left) for r in found] == [(("lead",), 10, 5, 2), ((), 4, 0, 0), (None, 90, 90, 0)]
    assert (found[0].conversion.numerator, found[0].conversion.denominator) == (3, 10)
    assert sum(r.share.numerator for r in found) == found[0].share.denominator == 104

"""Paths through a lifecycle as a flow diagram: whom to draw, and where; positions are pure arithmetic.

Column k holds the k-th stage that an entity entered; a stage that is entered again stands as another node (MQL 1,
MQL 2). Nodes are as tall as they are large, ribbons too; what leaves a node in no ribbon is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.moves import kind_of
from lifecycle.parts import Contrast, Part, beside_before, beside_others
from lifecycle.rates import Rate
from lifecycle.scope import Scope
from lifecycle.stages import StageModel

STEPS = 8  # stages of an entity's history that are followed
MOST, LEAST = (
    7,
    0.004,
)  # nodes of a column that are drawn by name, and the smallest share of all entities of such a node
GAP, WIDTH = 0.045, 0.07  # between the nodes of a column, in shares of all; of a node, in columns
LABEL = 0.07  # from the middle of a node to that of the next at the least: each has a label of two lines
POINTS = 17  # along each edge of a ribbon
OTHER = "other"


@dataclass(frozen=True)
class Entered:
    """`n` entities whose `step`-th stage (from 1) was `stage`, for the `visit`-th time; before it came `start`."""

    step: int
    stage: str
    visit: int
    start: str | None
    start_visit: int | None
    n: int


@dataclass(frozen=True)
class Walk:
    """Entities whose first journey began in the period, by every step of their history up to as_of."""

    entered: tuple[Entered, ...]

    @property
    def entities(self) -> int:
        return sum(e.n for e in self.entered if e.step == 1)


@dataclass(frozen=True)
class Stream:
    """What was entered as `step`-th stage after what; `start` None: it is the first of the history."""

    step: int
    start: str | None
    start_visit: int | None
    stage: str
    visit: int


@dataclass(frozen=True)
class Paths(Walk):
    """The answer, with a breakdown also of each part, by the segment of the first journey; with a comparison, of the
    compared period seen equally long. `contrasts`: what sets parts apart; `changes`: what has changed since then.
    """

    model: str
    build: int
    scope: Scope
    parts: tuple[Part[Walk], ...] = ()
    comparison: Paths | None = None
    contrasts: tuple[Contrast[Stream], ...] = ()
    changes: tuple[Contrast[Stream], ...] = ()
    statements: tuple[Any, ...] = ()

    def of(self, values: tuple[str | None, ...]) -> Walk:
        """The part that holds these values; all together where there is none."""
        return next((part.answer for part in self.parts if part.values == values), self)


def between_parts(found: Paths) -> tuple[Contrast[Stream], ...]:
    """How many of each part go each way, beside all the others together; the clearest first."""
    return beside_others([(part, shares(part.answer, found)) for part in found.parts], shares(found, found))


def since_before(found: Paths) -> tuple[Contrast[Stream], ...]:
    """How many go each way, beside the compared period seen equally long; the clearest first."""
    return beside_before(shares(found, found), shares(found.comparison, found)) if found.comparison else ()


def shares(walk: Walk, whole: Walk) -> dict[Stream, Rate]:
    """Of the entities of a walk, those that took each of the streams that are wide enough in the whole to be drawn."""
    wide = [e for e in whole.entered if e.n >= max(LEAST * whole.entities, 1)]
    n = {stream_of(e): e.n for e in walk.entered}
    return {(stream := stream_of(e)): Rate(n.get(stream, 0), walk.entities) for e in wide}


def stream_of(e: Entered) -> Stream:
    return Stream(e.step, e.start, e.start_visit, e.stage, e.visit)


def added(walks: Iterable[Walk]) -> tuple[Entered, ...]:
    """Several walks as one."""
    n: dict[Stream, int] = {}
    for e in (e for walk in walks for e in walk.entered):
        n[stream_of(e)] = n.get(stream_of(e), 0) + e.n
    return tuple(Entered(s.step, s.stage, s.visit, s.start, s.start_visit, count) for s, count in n.items())


@dataclass(frozen=True)
class Node:
    """A stage in a column. `stage` and `visit` None: all others of the column. `stayed`: still there at as_of, or
    followed no further than STEPS."""

    step: int
    stage: str | None
    visit: int | None
    n: int
    stayed: int
    x: float
    low: float
    high: float


@dataclass(frozen=True)
class Ribbon:
    """`n` entities from one node to the next, as an area: (x, low, high) along its way."""

    start: Node
    end: Node
    kind: str
    n: int
    outline: tuple[tuple[float, float, float], ...]


Key = tuple[int, str | None, int | None]


def layout(model: StageModel, paths: Walk, steps: int = STEPS) -> tuple[tuple[Node, ...], tuple[Ribbon, ...]]:
    """Nodes and ribbons of the first `steps` columns; x counts columns from 1, heights are shares of all entities.

    A column shows its largest nodes, those furthest along the lifecycle on top and exits below; the rest is one node.
    """
    total = paths.entities
    if not total:
        return (), ()
    sizes = _sizes(paths.entered)
    named = _named(sizes, total)
    last = min(steps, max((step for step, _, _ in named), default=1))  # beyond it there are but others
    drawn = [e for e in paths.entered if e.step <= last]
    sizes = {key: n for key, n in sizes.items() if key[0] <= last}

    def place(step: int, stage: str | None, visit: int | None) -> Key:
        return (step, stage, visit) if (step, stage, visit) in named else (step, None, None)

    n: dict[Key, int] = {}
    for key, size in sizes.items():
        n[place(*key)] = n.get(place(*key), 0) + size
    flows: dict[tuple[Key, Key], int] = {}
    for e in drawn:
        if e.step > 1:
            pair = place(e.step - 1, e.start, e.start_visit), place(e.step, e.stage, e.visit)
            flows[pair] = flows.get(pair, 0) + e.n
    nodes = _stacked(model, n, flows, total)
    return tuple(nodes.values()), tuple(_ribbons(model, nodes, flows, total))


def _sizes(drawn: Sequence[Entered]) -> dict[Key, int]:
    out: dict[Key, int] = {}
    for e in drawn:
        key: Key = (e.step, e.stage, e.visit)
        out[key] = out.get(key, 0) + e.n
    return out


def _named(sizes: dict[Key, int], total: int) -> set[Key]:
    """The nodes that are drawn by name: the largest of each column, if they are large enough to be seen."""
    out: set[Key] = set()
    for step in {key[0] for key in sizes}:
        column = sorted((k for k in sizes if k[0] == step), key=lambda k: (-sizes[k], k[1] or "", k[2] or 0))
        kept = [key for key in column if sizes[key] >= LEAST * total][:MOST]
        rest = [key for key in column if key not in kept]
        out |= set(kept) | (set(rest) if len(rest) == 1 and sizes[rest[0]] >= LEAST * total else set())
    return out


def _stacked(model: StageModel, n: dict[Key, int], flows: dict[tuple[Key, Key], int], total: int) -> dict[Key, Node]:
    """The nodes of each column, from the top (1) down, in the order of the lifecycle's end."""
    order = {s.key: i for i, s in enumerate((*reversed(model.progress), *model.exits))}
    gone: dict[Key, int] = {}
    for (start, _), flow in flows.items():
        gone[start] = gone.get(start, 0) + flow
    nodes: dict[Key, Node] = {}
    tops: dict[int, float] = {}
    middles: dict[int, float] = {}
    for key in sorted(n, key=lambda k: (k[0], order.get(k[1] or "", len(order)), k[2] or 0)):
        step, stage, visit = key
        height = n[key] / total
        high = min(tops[step], middles[step] - LABEL + height / 2) if step in tops else 1.0
        low = high - height
        tops[step], middles[step] = low - GAP, (low + high) / 2
        nodes[key] = Node(step, stage, visit, n[key], n[key] - gone.get(key, 0), float(step), low, high)
    return nodes


def _ribbons(model: StageModel, nodes: dict[Key, Node], flows: dict[tuple[Key, Key], int], total: int) -> list[Ribbon]:
    """The flows as ribbons that leave and reach their nodes from the top down, without crossing at either end."""
    place = {key: i for i, key in enumerate(nodes)}
    leaving = {key: node.high for key, node in nodes.items()}
    reaching = dict(leaving)
    ends: dict[tuple[Key, Key], tuple[float, float]] = {}
    for start, end in sorted(flows, key=lambda pair: (place[pair[0]], place[pair[1]])):
        ends[start, end] = leaving[start], 0.0
        leaving[start] -= flows[start, end] / total
    for start, end in sorted(flows, key=lambda pair: (place[pair[1]], place[pair[0]])):
        ends[start, end] = ends[start, end][0], reaching[end]
        reaching[end] -= flows[start, end] / total
    out = []
    for start, end in ends:  # from the top down
        a, b, flow = nodes[start], nodes[end], flows[start, end]
        kind = OTHER if a.stage is None or b.stage is None else kind_of(model, a.stage, b.stage)
        outline = curve(a.x + WIDTH / 2, ends[start, end][0], b.x - WIDTH / 2, ends[start, end][1], flow / total)
        out.append(Ribbon(a, b, kind, flow, outline))
    return out


def curve(x0: float, y0: float, x1: float, y1: float, height: float) -> tuple[tuple[float, float, float], ...]:
    """A ribbon of even height that leaves and arrives level: (x, low, high); its upper edge runs from y0 to y1."""
    out = []
    for i in range(POINTS):
        t = i / (POINTS - 1)
        eased = t * t * (3 - 2 * t)
        top = y0 + (y1 - y0) * eased
        out.append((x0 + (x1 - x0) * t, top - height, top))
    return tuple(out)

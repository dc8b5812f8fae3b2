"""Where the names of a funnel plot's points stand, so that none covers a point or another name."""

from __future__ import annotations

import pandas as pd

LETTER, LINE = 0.016, 0.07  # of a funnel plot, the room that a letter takes, and a line
DOT = 0.015, 0.03  # from the middle of a point to its edges
SIDES = {  # where a name stands: pixels from the point, and which end of it is nearest
    "right": (9, 0, "left"),
    "left": (-9, 0, "right"),
    "above": (0, -13, "center"),
    "below": (0, 14, "center"),
}
Box = tuple[float, float, float, float]  # left, right, bottom, top


def names(frame: pd.DataFrame) -> pd.DataFrame:
    """Where each name stands beside its point: on the first side where it covers no point and no earlier name."""
    along = (frame["n"] / max(frame["n"].max(), 1)) ** 0.5  # as the axis has it
    taken = [_box(x, y, 0, "dot") for x, y in zip(along, frame["value"], strict=True)]
    places = []
    for x, y, label, named in zip(along, frame["value"], frame["label"], frame["named"], strict=True):
        boxes = {side: _box(x, y, len(label) * LETTER, side) for side in SIDES}
        free = (s for s, box in boxes.items() if _inside(box) and not any(_meet(box, other) for other in taken))
        side = next(free, None) if named else None
        taken += [boxes[side]] if side else []
        places.append(SIDES[side] if side else (None, None, None))
    return pd.DataFrame(places, frame.index, ["dx", "dy", "align"])


def _box(x: float, y: float, width: float, side: str) -> Box:
    """What a name of this width takes on a side of the point, or the point itself."""
    wide, high = DOT
    match side:
        case "above" | "below":
            near, far = (high, high + LINE) if side == "above" else (-high - LINE, -high)
            return x - width / 2, x + width / 2, y + near, y + far
        case "right":
            return x + wide, x + wide + width, y - LINE / 2, y + LINE / 2
        case "left":
            return x - wide - width, x - wide, y - LINE / 2, y + LINE / 2
    return x - wide, x + wide, y - high, y + high


def _inside(box: Box) -> bool:
    left, right, bottom, top = box
    return left >= 0 and right <= 1 and bottom >= 0 and top <= 1


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]

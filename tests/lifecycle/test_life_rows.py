"""The rows of a life table are a set of counts, in whatever order they came."""

from lifecycle.life_rows import columns


def test_the_order_of_rows_means_nothing() -> None:
    rows = [(0.0, "open", 3), (0.0, "advanced", 2), (86_400.0, "lost", 1)]
    there, back = columns(rows), columns(rows[::-1])
    assert there.names != back.names
    assert there == back == rows
    assert hash(there) == hash(back)
    assert there != columns([*rows[:2], (86_400.0, "lost", 2)])
    assert there != columns(rows[:2])

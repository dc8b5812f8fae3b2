"""Loyalty and customer value at scale: the customers of the retention benchmark, everybody and all time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifecycle.scope import Scope
from queries.clv import orders_value
from queries.predicted import pasts
from queries.purchases import repeat as repeated_purchases
from queries.rfm import rfm
from queries.value import historic, simple
from tests.benchmarks.measure import Line, middle, repeated
from tests.benchmarks.retention import made

GOAL = 1.0  # seconds


def measure(folder: Path, customers: int, repeat: int, say: Callable[[str], Any]) -> list[Line]:
    """Lines of the table: who comes back, which customers they are, what they are worth."""
    say(f"loyalty: {customers:,} customers, {customers * 10:,} orders")
    m = made(folder, customers)
    scope = Scope(m.model.name, m.build.as_of)
    asked: list[tuple[str, Callable[[], Any]]] = [
        ("Repeat purchase rates and time to the second, by month", lambda: repeated_purchases(m, scope)),
        ("The same by source", lambda: repeated_purchases(m, replace(scope, by="source"))),
        ("Recency, frequency, value", lambda: rfm(m, scope)),
        ("Value by age and cohort, orders and subscriptions", lambda: historic(m, scope)),
        ("Churn for the rule of thumb", lambda: simple(m, scope)),
        ("Past of every customer, for BG/NBD", lambda: pasts(m, scope)),
        ("Predicted orders, fitted twice", lambda: orders_value(m, scope)),
    ]
    lines = []
    for name, ask in asked:
        took = middle(repeated(ask, repeat))
        lines.append(Line(name, f"{took:.2f} s", "", f"< {GOAL:g} s", took < GOAL))
    return lines

"""Slides as files to take away."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

from lifecycle.scope import Scope
from pages.ui.failures import Failure, explain
from queries.modelled import Modelled

Kind = Literal["pptx", "html"]
KINDS: Mapping[Kind, tuple[str, str]] = {  # what people call it, and what the browser does
    "pptx": ("PowerPoint", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    "html": ("Web page", "text/html"),
}


def made(subject: str, kind: Kind, m: Modelled, scope: Scope) -> bytes | str:
    """The slides that the module `subject` tells, as a PowerPoint deck or a page that needs nothing else.

    Both are imported when they are asked for: only who takes a file away waits for what makes it.
    """
    deck = import_module(subject).deck(m, scope, asked)
    return import_module(f"pages.ui.slides_{kind}").to_file(deck)


def asked(question: Any, *arguments: Any) -> Any | Failure:
    """The answer, asked now; one mishap stays on its slide."""
    try:
        return question(*arguments)
    except Exception as problem:
        return explain(problem)

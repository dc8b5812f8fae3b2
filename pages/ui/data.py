"""Answers, and the only cache of them: asked once per build, question, arguments and policy."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from functools import cache, partial
from types import FunctionType
from typing import Any, TypeVar

import streamlit as st
from cachetools import LRUCache, cached

from lifecycle.scope import Scope
from lifecycle.stages import StageModel
from pages.ui import turns
from pages.ui.failures import Failure, explain
from queries import modelled as modelled_tables
from queries.configfile import ConfigError
from queries.errors import WarehouseError
from queries.modelled import Modelled, Remembered
from queries.ready import known_models
from queries.settings import Settings, load_settings
from queries.warehouse import Warehouse, asking, open_warehouse
from queries.worker import Worker

T = TypeVar("T")
Key = tuple[str, str, str, str]  # build, question, arguments, policy
EVERYONE = "everyone"  # the one policy: every reader may see the same rows
MAX_ANSWERS = 4_000  # of fifty open pages with a few filters each: an overview alone has ten
SETTLED = 20  # seconds after which a server that starts has shown its first page
MAX_BUILDS = 64  # of all models
_pinned: ContextVar[str] = ContextVar("pinned", default="")  # the state of the data that a rerun sees
_meanwhile: ContextVar[Callable[[], AbstractContextManager[Any]]] = ContextVar("meanwhile", default=nullcontext)
DRAWINGS = "_drawings"  # beside the fields of an answer, as what it works out of itself


@dataclass(frozen=True)
class Opened:
    """A warehouse as one rerun sees it: `token` tells two states of its data apart."""

    warehouse: Warehouse
    token: str


@cache
def settings() -> Settings:
    """The configuration, read once per process."""
    return load_settings()


@cache
def models() -> Mapping[str, StageModel]:
    """The stage models on offer, read once per process. Raises ModelError."""
    return known_models(settings())


@st.cache_resource(show_spinner=False)
def _open() -> Opened:
    warehouse = open_warehouse(settings(), share=turns.n_employed() + 1)  # files to take away are computed here
    return Opened(warehouse, warehouse.token)


@st.cache_resource(show_spinner=False, scope="session")
def _reader() -> str:
    """The name of one browser tab."""
    return uuid.uuid4().hex


@cached(
    LRUCache[tuple[str, str], Modelled](MAX_BUILDS),
    lambda opened, model: (opened.token, model.digest),
    threading.Condition(),
)
def modelled(opened: Opened, model: StageModel) -> Modelled:
    """The newest build of `model`. Raises WarehouseError("missing") where there is none."""
    found = modelled_tables.latest(opened.warehouse, model)
    return Remembered.of(found)


# Shared as it is, never copied: answers are frozen, and what one works out of itself (a curve) is worked out once.
# The one that was asked for the longest ago is forgotten.
@cached(LRUCache[Key, Any](MAX_ANSWERS), key=lambda key, _: key, condition=threading.Condition())
def _answer(key: Key, run: Callable[[], Any]) -> Any:
    return run()


def opened() -> Opened:
    """The warehouse for this rerun, opened anew where its data changed; what this session still had running is stopped.

    To be called once at the start of a rerun. Raises WarehouseError.
    """
    reader, current = _reader(), _open()
    current.warehouse.interrupt(reader)
    turns.interrupt(reader)
    asking.set(reader)
    if current.warehouse.token != current.token:
        _open.clear()  # the old one closes with its last reader
        turns.forget()
        current = _open()
    _pinned.set(current.token)
    return current


@contextmanager
def workers() -> Iterator[None]:
    """While the server runs: processes beside it that compute what an embedded warehouse is asked."""
    employed: list[Worker] = []
    with suppress(ConfigError):  # the pages say what is wrong
        if settings().is_embedded and os.name == "posix":
            employed = [Worker(settings(), share=turns.FEW + 1) for _ in range(turns.FEW)]
            employed[-1].start()  # the one that computes first; all at once would take the first visitor's processor
    rest = threading.Timer(SETTLED, turns.start)
    rest.daemon = True
    rest.start()
    turns.employ(employed)
    try:
        yield
    finally:
        rest.cancel()
        turns.employ([])
        for worker in employed:
            worker.stop()


@contextmanager
def meanwhile(shown: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
    """What to show while a question asked in this block is computed; nothing where its answer is there already.

    A placeholder takes a thread and four messages, which is more than a kept answer costs.
    """
    before = _meanwhile.set(shown)
    try:
        yield
    finally:
        _meanwhile.reset(before)


def ask(question: Callable[..., T], modelled: Modelled, scope: Scope, *args: Any) -> T | Failure:
    """The answer to `question(modelled, scope, *args)`, or why there is none.

    Arguments must be plain values: texts, numbers, dates, tuples and frozen dataclasses of them, never frames.
    """
    name = f"{question.__module__}.{question.__qualname__}"
    key = f"{_pinned.get()}:{modelled.build.id}", name, digest((scope, *args)), EVERYONE
    try:
        run = partial(question, modelled, scope, *args)
        if key in _answer.cache:
            return _answer(key, run)
        with _meanwhile.get()(), turns.computing(settings().is_embedded) as worker:
            return _answer(key, partial(worker.answer, question, modelled, scope, *args) if worker else run)
    except WarehouseError as problem:
        if problem.kind == "superseded":
            st.stop()  # a newer rerun of this session is already drawing
        return explain(problem)
    except Exception as problem:
        return explain(problem)


def drawn(draw: Callable[[Any], T], answer: Any) -> T:
    """What `draw` makes of an answer, made once and kept with it for every reader.

    A drawing depends on the answer and on what its function closes over, as a question does on its arguments; where
    that is more than plain values, it is drawn anew.
    """
    try:
        key, kept = _depends_on(draw), vars(answer).setdefault(DRAWINGS, {})
    except (AttributeError, TypeError):
        return draw(answer)
    if key not in kept:
        kept[key] = draw(answer)
    made: T = kept[key]
    return made


def _depends_on(draw: Any) -> tuple[Any, ...]:
    """A function's code and all that it was given beforehand; TypeError or AttributeError where that is hidden."""
    if isinstance(draw, partial):
        return (*_depends_on(draw.func), digest(draw.args), digest(draw.keywords))
    given = [cell.cell_contents for cell in draw.__closure__ or ()]
    given += [*(draw.__defaults__ or ()), *(draw.__kwdefaults__ or {}).items()]
    parts = [_depends_on(v) if isinstance(v, partial | FunctionType) else digest(v) for v in given]
    return draw.__module__, draw.__code__, *parts  # equal code in two modules means two things


def digest(value: object) -> str:
    """A fingerprint of plain values; TypeError for anything whose content is not all in it."""
    return hashlib.sha256(_spelled(value).encode()).hexdigest()


def _spelled(value: object) -> str:
    if value is None or isinstance(value, bool | int | float | str | date | timedelta):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, StageModel):
        return f"model:{value.digest}"
    if isinstance(own := getattr(value, "cache_key", None), str):  # what tells all of it from another of its kind
        return f"{type(value).__name__}:{own}"
    if isinstance(value, tuple | frozenset):
        parts = [_spelled(v) for v in value]
        return f"({','.join(sorted(parts) if isinstance(value, frozenset) else parts)})"
    if isinstance(value, Mapping):
        return _spelled(tuple(sorted(value.items())))
    if is_dataclass(value):
        return f"{type(value).__name__}{_spelled(tuple(getattr(value, f.name) for f in fields(value)))}"
    raise TypeError(f"{type(value).__name__} cannot be part of a question: ask with plain values")

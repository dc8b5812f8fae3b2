"""Models made ready to be asked: found by name or file, and built where they are not, or where newer data came in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lifecycle.links import WHERE, Surroundings, read, read_instant
from lifecycle.periods import Calendar
from lifecycle.scope import Scope
from lifecycle.segments import Catalog
from lifecycle.stages import ModelError, StageModel, load_model, raw_values, shipped_models
from queries.build import build
from queries.builds import Build
from queries.cutoff import loaded_at
from queries.errors import WarehouseError
from queries.modelled import Modelled, latest
from queries.settings import Settings
from queries.warehouse import Warehouse, open_warehouse, writing

Say = Callable[[str], None]


def known_models(settings: Settings) -> dict[str, StageModel]:
    """The models that ship and the company's own, by name, with their switches as configured. Raises ModelError."""
    own = {model.name: model for model in map(load_model, settings.models)}
    found = {**shipped_models(), **own}
    for name in settings.switches.keys() - found.keys():
        raise ModelError(f"switches.{name}: no such model; known: {', '.join(found)}")
    return {name: model.with_switches(settings.switches.get(name, {})) for name, model in found.items()}


def find_model(known: Mapping[str, StageModel], name: str) -> StageModel:
    """A known model by its name, or any other by the path of its TOML file. Raises ModelError."""
    if name in known:
        return known[name]
    if Path(name).suffix != ".toml":
        raise ModelError(f"no stage model {name[:40]!r}; known: {', '.join(known)}, or the path of a .toml file")
    return load_model(name)


def build_models(
    settings: Settings,
    models: Sequence[StageModel],
    known: Mapping[str, StageModel],
    *,
    full: bool = False,
    say: Say = lambda _: None,
) -> list[Build]:
    """Build models over the configured warehouse, as one generation where it is embedded.

    Values that only other `known` models use are ignored, not quarantined. Raises WarehouseError.
    """
    others = raw_values([*known.values(), *models])
    with writing(settings) as warehouse:
        return [
            build(warehouse, model, others, full=full, say=lambda doing, name=model.name: say(f"{name}: {doing}"))  # type: ignore[misc]
            for model in models
        ]


@contextmanager
def ready(
    settings: Settings, model: StageModel, known: Mapping[str, StageModel], say: Say = lambda _: None
) -> Iterator[Modelled]:
    """The current build of a model, made first where there is none or where data was loaded since."""
    warehouse = open_warehouse(settings)
    try:
        if not is_current(warehouse, model):
            warehouse.close()
            build_models(settings, [model], known, say=say)
            warehouse = open_warehouse(settings)
        yield latest(warehouse, model)
    finally:
        warehouse.close()


def is_current(warehouse: Warehouse, model: StageModel) -> bool:
    """Whether a model is built from all that was loaded; on a server, whether it is built."""
    try:
        built = latest(warehouse, model).build
    except WarehouseError as problem:
        if problem.kind != "missing":
            raise
        return False
    newest = loaded_at(warehouse)
    return newest is None or newest <= built.loaded_at


class OptionError(ValueError):
    """An option's value cannot be used; the message names the option and what is allowed."""


def read_scope(modelled: Modelled, settings: Settings, params: Mapping[str, Sequence[str]]) -> Scope:
    """The scope that a link's parameters ask for. Raises OptionError where a link would go on with a notice."""
    around = Surroundings(modelled.model, modelled.catalog, settings.calendar, modelled.build.as_of, settings.period)
    scope, notices = read(params, around)
    if notices:
        raise OptionError(_as_option(notices[0]))
    return scope


def read_as_of(text: str, calendar: Calendar) -> datetime:
    """The instant that an --as-of names, as a page reads it. Raises OptionError."""
    try:
        return read_instant(text, calendar)
    except ValueError as problem:
        raise OptionError(f"--as-of: {problem}") from None


def read_where(catalog: Catalog, given: Sequence[str]) -> dict[str, list[str]]:
    """`segment=value,value` as the parameters of a link; a value that holds a comma is taken whole where it occurs."""
    params: dict[str, list[str]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not equals or not name or not values:
            raise OptionError(f"--where {text[:60]!r} is not of the form source=paid,organic or budget=10..50")
        segment = catalog.get(name)
        whole = segment is not None and values in segment.values
        params.setdefault(WHERE + name, []).extend([values] if whole else values.split(","))
    return params


def _as_option(notice: str) -> str:
    """A notice in the terminal's words: the option's name, and not what a page would do instead."""
    said = re.split(
        r"[.:,]? (?:and )?(?:showing|the two were|the filter was|the range was|was dropped)", notice, flags=re.I
    )[0]
    name, colon, problem = said.partition(": ")
    if not colon:
        return said
    option = f"--where {name.removeprefix(WHERE)}" if name.startswith(WHERE) else f"--{name.replace('_', '-')}"
    return f"{option}: {problem}"

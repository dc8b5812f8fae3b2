"""Stage models: which stages a lifecycle has, in which order, and what enters them. Data, read from TOML files."""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from lifecycle import stage_rules
from lifecycle.stage_rules import names, say

MODELS = Path(__file__).parent / "models"
SHIPPED = ("inbound", "crm", "lead_stages", "sal_pql", "discovery", "customer_lifecycle")
MAX_BYTES = 100_000  # a stage model is a few kilobytes; anything larger is a mistaken file
BLANKS = " \t\n\r\f\v"  # named, so that every engine trims the same characters

Fact = Literal[
    "orders.first",
    "orders.repeat",
    "subscriptions.start",
    "subscriptions.renewal",
    "surveys.promoter",
    "referrals.made",
]
FACTS: tuple[str, ...] = get_args(Fact)

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]  # fits every engine's identifiers
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class ModelError(ValueError):
    """A stage model, or a question to it, is wrong; the message says where, what, and what is allowed."""


def normalise(raw: str) -> str:
    """The form in which raw stage values are compared: without surrounding blanks, in lower case."""
    return raw.strip(BLANKS).lower()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Labelled(_Part):
    label: Text
    labels: dict[Language, Text] = {}

    def label_in(self, lang: str) -> str:
        """The label in a language (two letters), or the plain label where that language is not given."""
        return self.labels.get(lang, self.label)


class Stage(_Labelled):
    """One step of a lifecycle: what it means, who answers for it, and which raw values or facts enter it.

    `limit_days`: a stay longer than this is stalled. `requires`: its facts count only after that stage. `switch`: the
    stage is off while the switch is off. `enters_if`: raw values that enter only while a switch is on.
    """

    key: Key
    kind: Literal["anonymous", "progress", "exit"]
    owner: str = ""
    definition: str = ""
    criteria: tuple[Text, ...] = ()
    goal: str = ""
    enters: tuple[Text, ...] = ()
    enters_on: tuple[Fact, ...] = ()
    requires: str | None = None
    optional: Flag = False
    limit_days: Positive | None = None
    switch: str | None = None
    enters_if: dict[str, tuple[Text, ...]] = {}

    def raw_values(self, switches: Mapping[str, bool] | None = None) -> frozenset[str]:
        """Normalised raw values that enter it, its key among them; with switches, only those that are on."""
        extra = [raw for switch, raws in self.enters_if.items() if switches is None or switches[switch] for raw in raws]
        return frozenset(normalise(raw) for raw in (self.key, *self.enters, *extra))


class Handoff(_Part):
    """Where marketing hands over to sales: the stage handed over, what counts as accepted or rejected, and how fast.

    `decision_days`: a later decision leaves the handoff expired (absent: never). `sla_hours`: the limit of the first
    touch, counted from `sla_from`. `touches`: the activity kinds that are a touch.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    from_: str = Field(alias="from")
    accepted: tuple[str, ...] = Field(min_length=1)
    rejected: tuple[str, ...] = Field(min_length=1)
    decision_days: Positive | None = None
    sla_hours: Positive | None = None
    sla_from: Literal["mql", "assigned"] = "mql"
    touches: tuple[Text, ...] = ("call", "e-mail", "meeting")


class StageModel(_Labelled):
    """A lifecycle: its stages in order, the raw values it ignores, its switches and its handoff."""

    name: Key
    description: str = ""
    entity: Literal["contact", "account", "deal"] = "contact"
    version: str | None = None
    valid_from: date | None = None
    stages: tuple[Stage, ...]
    ignored: tuple[Text, ...] = ()
    switches: dict[Key, Flag] = {}
    handoff: Handoff | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "StageModel":
        problems = list(stage_rules.problems(self))
        if problems:
            raise ValueError(_first(problems))
        return self

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def active(self) -> tuple[Stage, ...]:
        """The stages that no switch turns off, in order."""
        return tuple(s for s in self.stages if s.switch is None or self.switches[s.switch])

    @cached_property
    def progress(self) -> tuple[Stage, ...]:
        """The active progress stages in rank order."""
        return tuple(s for s in self.active if s.kind == "progress")

    @cached_property
    def exits(self) -> tuple[Stage, ...]:
        """The active exits."""
        return tuple(s for s in self.active if s.kind == "exit")

    @cached_property
    def anonymous(self) -> tuple[Stage, ...]:
        """The active anonymous stages, known by daily counts alone."""
        return tuple(s for s in self.active if s.kind == "anonymous")

    @cached_property
    def required(self) -> tuple[Stage, ...]:
        """The progress stages that are not optional: those that can be implied or skipped."""
        return tuple(s for s in self.progress if not s.optional)

    @cached_property
    def facts(self) -> dict[str, str]:
        """Fact to the key of the active stage it enters."""
        return {fact: s.key for s in self.active for fact in s.enters_on}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Normalised raw value to stage key, for the active progress stages and exits; a key is its own alias."""
        return {raw: s.key for s in (*self.progress, *self.exits) for raw in s.raw_values(self.switches)}

    @cached_property
    def silenced(self) -> frozenset[str]:
        """Normalised raw values that are known but enter no stage: ignored, switched off, or of an anonymous stage."""
        known = frozenset[str]().union(*(s.raw_values() for s in self.stages))
        return (known | self.ignored_values) - self.aliases.keys()

    @cached_property
    def ignored_values(self) -> frozenset[str]:
        """The raw values listed as `ignored`, normalised."""
        return frozenset(normalise(raw) for raw in self.ignored)

    @cached_property
    def digest(self) -> str:
        """Eight hex digits that change whenever anything in the definition does, the switches included."""
        definition = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(definition.encode()).hexdigest()[:8]

    def stage(self, key: str) -> Stage:
        """The active stage of that key; `ModelError` names the known ones otherwise."""
        try:
            return self._by_key[key]
        except KeyError:
            raise ModelError(f"{self.name}: no stage {key!r}; known: {', '.join(self._by_key)}") from None

    def rank(self, key: str) -> int:
        """The place of a progress stage, 1 for the first; `ModelError` where the key is none."""
        try:
            return self._ranks[key]
        except KeyError:
            raise ModelError(f"{self.name}: no progress stage {key!r}; known: {', '.join(self._ranks)}") from None

    def with_switches(self, switches: Mapping[str, bool]) -> "StageModel":
        """The same model with some switches set otherwise; `ModelError` where one is unknown."""
        for name in switches.keys() - self.switches.keys():
            known = ", ".join(self.switches) or "none"
            raise ModelError(f"{self.name}: no switch {name!r}; known: {known}")
        return parse_model({**self.model_dump(by_alias=True), "switches": {**self.switches, **switches}}, self.name)

    @cached_property
    def _by_key(self) -> dict[str, Stage]:
        return {s.key: s for s in self.active}

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {s.key: rank for rank, s in enumerate(self.progress, start=1)}


def parse_model(definition: Mapping[str, object], source: str) -> StageModel:
    """A stage model from a parsed TOML file; `ModelError` names the source, the key, the value and what is allowed."""
    try:
        return StageModel.model_validate(definition)
    except ValidationError as error:
        raise ModelError(f"{source}: {_first([_explain(dict(e)) for e in error.errors()])}") from None


def load_model(source: str | Path) -> StageModel:
    """A shipped model by its name, or a company's own by the path of its TOML file; `ModelError` where it is wrong."""
    if str(source) in SHIPPED:
        return shipped_models()[str(source)]
    path = Path(source)
    if path.suffix != ".toml":
        raise ModelError(
            f"{source}: no such stage model; shipped: {', '.join(SHIPPED)}; or give the path of a .toml file"
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(
                f"{path}: larger than {MAX_BYTES} bytes, which no stage model needs; is it the right file?"
            )
        return parse_model(tomllib.loads(path.read_text(encoding="utf-8-sig")), str(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: not valid TOML: {error}") from None


@cache
def shipped_models() -> Mapping[str, StageModel]:
    """The models that come with the product, by name, in their order of presentation."""
    return MappingProxyType({name: load_model(MODELS / f"{name}.toml") for name in SHIPPED})


def raw_values(models: Iterable[StageModel]) -> frozenset[str]:
    """Every normalised raw value that any of these models knows, whether it enters a stage or is ignored."""
    return frozenset(value for m in models for value in (*m.aliases, *m.silenced))


def _explain(error: dict) -> str:
    """One of pydantic's errors in the words of the file: key path, value, what is allowed."""
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error["loc"]).lstrip(".")
    if not path:
        return str(error.get("ctx", {}).get("error", error["msg"]))
    if error["type"] == "missing":
        return f"{path}: missing, but required"
    if error["type"] == "extra_forbidden":
        parts: dict[str, type[_Part]] = {"stages": Stage, "handoff": Handoff} if len(error["loc"]) > 1 else {}
        part = parts.get(error["loc"][0], StageModel)
        keys = [field.alias or name for name, field in part.model_fields.items()]
        return say(path, error["input"], f"unknown key; allowed: {names(keys)}")
    return say(path, error["input"], error["msg"].replace("tuple", "list").replace("dictionary", "table"))


def _first(problems: list[str]) -> str:
    return problems[0] if len(problems) == 1 else f"{problems[0]} (and {len(problems) - 1} more)"

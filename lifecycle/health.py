"""Whether numbers can be trusted: what became of every raw event, and what people can do about those set aside."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.rates import Rate
from lifecycle.stages import StageModel, normalise

# Why an event is set aside → how people call it, and what to do.
REASONS = {
    "no_entity": ("No contact", "Fill in the id at the source, or leave such rows out."),
    "no_stage": ("No stage", "Fill in the stage at the source, or leave such rows out."),
    "no_instant": ("No instant", "Export the instant of entry: it places a row in time."),
    "implausible_instant": ("Implausible instant", "Correct defaults such as 1970, and the unit of epochs."),
    "future": ("In the future", "Correct the instant or its time zone: it is yet to come."),
    "merge_cycle": ("Merged in a circle", "Break the circle in contact_merges: no id survives it."),
    "unknown_stage": ("Unknown stage value", "In the model file, name it under enters or ignored."),
    "orphan": ("Contact not in contacts", "Load missing contacts, or leave out events of deleted ones."),
    "rejected": ("Unreadable row", "Correct the row in its file and load it again."),
}


@dataclass(frozen=True)
class Conservation:
    """What became of the raw events of a build: events = used + repeats + ignored + duplicates + quarantined, always.

    `rejected` are those among the quarantined that the loader could not even read.
    """

    events: int
    used: int
    repeats: int
    ignored: int
    duplicates: int
    quarantined: int
    rejected: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Conservation:
        """From the counts that a build records."""
        names = ("used", "repeats", "ignored", "duplicates", "quarantined")
        return cls(events=counts["in"], rejected=counts.get("rejected", 0), **{name: counts[name] for name in names})

    @property
    def is_kept(self) -> bool:
        """Whether the books close; a build whose books do not is never switched on."""
        return self.events == self.used + self.repeats + self.ignored + self.duplicates + self.quarantined

    @property
    def set_aside(self) -> Rate:
        """quarantined / events."""
        return Rate(self.quarantined, self.events)

    @property
    def lines(self) -> list[tuple[str, int, bool, str]]:
        """(label, signed count, is total, why) from the events that came in to those that became stays."""
        return [
            ("Events in", self.events, True, "Raw stage rows, and facts such as orders that enter a stage."),
            ("duplicates", -self.duplicates, False, "Exact copies, and older versions of one event id."),
            ("quarantined", -self.quarantined, False, "Cannot be used, each with its reason: see below."),
            ("ignored", -self.ignored, False, "Values this model leaves out on purpose, and facts not yet due."),
            ("repeats", -self.repeats, False, "Entries to the stage an entity is already in: kept, without duration."),
            ("Used", self.used, True, "Entries that moved somebody."),
        ]


def left_out(counts: Mapping[str, int]) -> dict[str, str]:
    """What a build left out of all that customers did: what it is called, and how much of it, in words."""
    said = {}
    if n := counts.get("folded", 0):
        row, left = ("row", "repeats another and is") if n == 1 else ("rows", "repeat others and are")
        said["doubles"] = f"{n:,} {row} of orders, subscriptions, surveys or referrals {left} left out."
    if n := counts.get("selves", 0):
        row, left = ("row", "names") if n == 1 else ("rows", "name")
        said["self-referrals"] = f"{n:,} {row} of referrals {left} the same one on both sides: left out."
    return said


def suggestion(raw: str, model: StageModel) -> str | None:
    """The label of the stage one of whose raw values differs from an unknown one by a slip of the pen; else None."""
    wanted = _letters(normalise(raw)[:100])
    letters = {_letters(alias): key for alias, key in model.aliases.items() if alias[:1] == wanted[:1]}
    near = difflib.get_close_matches(wanted, letters, 1, cutoff=0.9)
    return model.stage(letters[near[0]]).label if near else None


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())

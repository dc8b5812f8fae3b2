"""The alignment page as slides for the meeting: the same answers, pictures and sentences, one finding at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from lifecycle import alignment_titles as titles
from lifecycle import alignment_words as words
from lifecycle.agreement import Again, Agreement, PositiveAgreement
from lifecycle.decisions import questions
from lifecycle.discussion import Discussion, rules
from lifecycle.scope import Scope, describe
from lifecycle.service import Responses, ServiceLevel
from lifecycle.threshold import Cut, Threshold
from lifecycle.where import Row
from pages.alignment import figures, frames, frames_deck, natives, pictures
from pages.ui.failures import Failure
from pages.ui.slides import Deck, Panel, Slide
from queries.agreement import alignment, profile
from queries.bypass import evidence
from queries.commitment import commitment
from queries.discussion import discussion
from queries.handoff import handoff_of
from queries.modelled import Modelled
from queries.service import service
from queries.threshold import threshold

Ask = Callable[..., Any]  # (question, modelled, scope, …) → the answer, or a Failure
HAND_OVER = "Leads count in the month of their handoff, with what became of them by the data cut-off."
BLANK_ROWS = 3


def deck(m: Modelled, scope: Scope, ask: Ask) -> Deck:
    """The slides of one lifecycle; `ask` puts a question and turns its mishap into a Failure.

    Raises WarehouseError("missing") where nothing is handed over.
    """
    handoff_of(m)
    findings = Findings(m, scope, ask)
    slides = (summary, promise, verdicts, reasons, bypasses, where, score, response, speed, discuss, decide)
    shown = (m.model.label, *describe(scope), f"build {m.build.id}")
    return Deck("Do marketing and sales agree?", tuple(partial(slide, findings) for slide in slides), shown)


class Findings:
    """What the slides are made of: every answer is asked for when a slide needs it."""

    def __init__(self, m: Modelled, scope: Scope, ask: Ask) -> None:
        self.m, self.model, self.scope = m, m.model, scope
        self.leads = words.leads(m.model)
        self.label = {s.name: s.label for s in m.catalog.segments}
        self._ask = ask

    def ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """The answer about everybody in the scope, or a Failure."""
        return self._ask(question, self.m, self.scope.whole, *args)

    def service(self) -> ServiceLevel | Failure:
        """The service level, in the company's working time where it declares one."""
        found: ServiceLevel | Failure = self._ask(service, self.m, self.scope, self.m.warehouse.settings.working_time)
        return found

    def rows(self) -> tuple[Row, ...]:
        """Every value of every segment."""
        found = self.ask(profile)
        return () if isinstance(found, Failure) else found.rows


def summary(f: Findings) -> Slide:
    """The finding in a sentence, the numbers that it rests on, and what else the rules say."""
    found, promised = f.ask(alignment), f.ask(commitment)
    if isinstance(found, Failure):
        return Slide("Do marketing and sales agree?", (Panel("Agreement", found, None),), basis=HAND_OVER)
    first, *rest = words.sentences(f.model, found, f.rows())
    numbers = figures.headline(found)
    numbers += [] if isinstance(promised, Failure) else figures.delivered(f.model, promised)
    numbers += [] if isinstance(found_ := f.service(), Failure) else figures.in_time(found_)
    return Slide(first, figures=tuple(numbers), notes=tuple(rest), basis=HAND_OVER)


def promise(f: Findings) -> Slide:
    """What marketing promised and delivered, month by month."""
    found = f.ask(commitment)
    if isinstance(found, Failure):
        return Slide(f"{f.leads} delivered by month", (Panel("By month", found, None),))
    columns = Panel(
        "What became of them",
        found,
        pictures.months(found),
        caption=pictures.MARKS,
        native=natives.months(found),
        definition=commitment,
        width=3,
    )
    months = Panel("Delivered and promised", found, frames_deck.months(found), definition=commitment, width=2)
    return Slide(words.promised(f.model, found), (columns, months), basis=f"{titles.promise(f.model, found.source)}.")


def verdicts(f: Findings) -> Slide:
    """On which leads both teams agree."""
    found = f.ask(alignment)
    if isinstance(found, Failure):
        return Slide("On what do the teams agree?", (Panel("Both verdicts", found, None),))
    whole = found.whole
    cells = Panel(
        "Both verdicts",
        found,
        pictures.cells(f.leads, found),
        native=natives.cells(f.leads, whole),
        definition=Agreement,
        width=3,
    )
    measures = Panel("What follows", found, frames_deck.measures(whole), definition=PositiveAgreement, width=3)
    return Slide(titles.agreed(whole), (cells, measures), notes=(f"{titles.beside(whole)}.",), basis=HAND_OVER)


def reasons(f: Findings) -> Slide:
    """Why sales rejects, and who comes back."""
    found, empty = f.ask(alignment), "Nothing was rejected in this period."
    if isinstance(found, Failure):
        return Slide("Why leads are rejected", (Panel("Reasons", found, None),))
    bars = Panel(
        "Reasons",
        found,
        pictures.reasons(found, f.model),
        native=natives.reasons(found, f.model),
        definition=alignment,
        empty=empty,
        width=3,
    )
    again = Panel(titles.came_back(found), found, frames.again(found, f.model), definition=Again, empty=empty, width=2)
    basis = f"{f.leads} rejected in time, by the reason given; who came back did so by the data cut-off."
    return Slide(titles.most_rejected(found), (bars, again), basis=basis)


def bypasses(f: Findings) -> Slide:
    """What sets leads apart that sales took without a handoff."""
    found = f.ask(evidence)
    if isinstance(found, Failure):
        return Slide("Accepted without a handoff", (Panel("What sets them apart", found, None),))
    bars = Panel(
        "What is more frequent among them",
        found,
        pictures.traits(found, f.label),
        native=natives.traits(found, f.label),
        definition=evidence,
        empty="Nothing sets the bypassed leads apart by more than chance.",
        width=3,
    )
    numbers = Panel(
        "Medians of the two groups",
        found,
        frames.middles(found, f.label),
        definition=evidence,
        empty="No numbers are known of them.",
        width=2,
    )
    basis = "Leads accepted without a handoff, beside those handed over and accepted; n of both."
    return Slide(titles.bypassed(found, f.label), (bars, numbers), basis=basis)


def where(f: Findings) -> Slide:
    """In which segment the teams disagree."""
    found = f.ask(profile)
    if isinstance(found, Failure) or not found.segments:
        empty = "The contacts have no columns to break down by."
        return Slide("Where the teams disagree", (Panel("By segment", found, None, empty=empty),))
    out = words.standing_out(found.rows)
    name = f.scope.by or (out.segment if out else next(iter(found.segments)))
    rows, label = found.segments[name], f.label[name].lower()
    plot = Panel(
        f"Share accepted against decided leads, by {label}",
        found,
        pictures.plot(rows),
        caption="Inside the grey, chance alone explains the difference",
        definition=profile,
        width=4,
    )
    table = Panel(f"Acceptance by {label}", found, frames_deck.where(rows), definition=Row, width=5)
    more = len(rows) - frames_deck.MOST_ROWS
    notes = (f"{more:,} more values of {label} are on the page.",) if more > 0 else ()
    return Slide(titles.where(rows, f.label[name]), (plot, table), notes=notes, basis=HAND_OVER)


def score(f: Findings) -> Slide:
    """If the cut of the lead score had been elsewhere: today's, or else the median score of the accepted, is told."""
    found: Threshold | Failure | None = f.ask(threshold)
    if isinstance(found, Failure) or found is None or not found.cuts:
        empty = "No lead has a score here: the column lead_score of contacts or stage_events gives it."
        return Slide("Is the cut of the lead score right?", (Panel("The cut", found, None, empty=empty),))
    chosen = found.cut if found.cut is not None else found.typical or found.cuts[0].score
    curves = Panel(
        "If the cut had been elsewhere",
        found,
        pictures.cuts(chosen, found),
        native=natives.cuts(found),
        definition=Cut,
        width=3,
    )
    bands = Panel(
        titles.by_band(found),
        found,
        pictures.bands(found),
        native=natives.bands(found),
        definition=Threshold,
        width=2,
    )
    return Slide(titles.cut_at(found.at(chosen)), (curves, bands), basis=f"{titles.scored(found)}.")


def response(f: Findings) -> Slide:
    """Whether sales touches in time."""
    found = f.service()
    if isinstance(found, Failure):
        return Slide("Does sales respond in time?", (Panel("First touches", found, None),))
    largest = replace(found, rows=found.rows[: frames_deck.MOST_ROWS])
    bars = Panel(
        "First touches",
        found,
        pictures.responses(largest),
        native=natives.responses(largest),
        definition=Responses,
        empty=f"No {f.leads} were handed over in this period.",
    )
    more = len(found.rows) - len(largest.rows)
    said = [words.owners(found), f"{more:,} more are on the page" if more > 0 else None]
    notes = tuple(f"{sentence}." for sentence in said if sentence)
    basis = "First touch or decision. Not yet due ones are in no rate."
    return Slide(words.punctual(f.model, found), (bars,), tuple(figures.kept(found)), notes, basis)


def speed(f: Findings) -> Slide:
    """How long leads wait, and for what."""
    found = f.service()
    if isinstance(found, Failure):
        return Slide("How long do leads wait?", (Panel("Waits", found, None),))
    waits = Panel("Share still waiting, by hours", found, pictures.waits(found), definition=ServiceLevel)
    basis = "Who has not been reached counts as waiting, and is never left out."
    return Slide(words.speed(found.speed), (waits,), tuple(figures.waits(found)), basis=basis)


def discuss(f: Findings) -> Slide:
    """The leads worth an argument, the first few."""
    scores, segments = f.ask(threshold), f.ask(profile)
    chosen = rules(
        None if isinstance(scores, Failure) else scores, {} if isinstance(segments, Failure) else segments.segments
    )
    found = f.ask(discussion, chosen)
    if isinstance(found, Failure):
        return Slide("Leads to discuss", (Panel("Leads", found, None),))
    shown = frames_deck.discussed(found, f.model, f.m.warehouse.settings.personal_data)
    table = Panel(
        "The first of them",
        found,
        shown,
        definition=Discussion,
        empty="Nothing to discuss: the teams agree on every lead of this period.",
    )
    notes = (f"{frames_deck.topics(found)}.",) if found.total else ()
    return Slide(f"{found.total:,} leads to discuss", (table,), notes=notes, basis=f"{titles.ranked(chosen, f.label)}.")


def decide(f: Findings) -> Slide:
    """What the numbers ask, with room for what is decided."""
    found, responses, promised = f.ask(alignment), f.service(), f.ask(commitment)
    asked = []
    if not isinstance(found, Failure):
        asked = questions(
            f.model,
            found,
            f.rows(),
            None if isinstance(responses, Failure) else responses,
            None if isinstance(promised, Failure) else promised,
        )
    rows = pd.DataFrame([(q, "", "", "") for q in [*asked, *[""] * BLANK_ROWS]], columns=frames_deck.DECISIONS)
    return Slide("What do we decide?", (Panel("Decisions", found, rows, fill_in=True),))

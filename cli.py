"""Customer lifecycle in the terminal: the same answers as the pages."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lifecycle.scope import Scope
from lifecycle.stages import ModelError
from pages.ui import terminal
from pages.ui.failures import record
from queries import demo as company
from queries import load as loading
from queries import mapping, ready
from queries.batches import LoadError
from queries.configfile import ConfigError
from queries.errors import WarehouseError
from queries.modelled import Modelled
from queries.settings import load_settings

LOG = "lifecycle.log"
MISTAKES = (LoadError, ConfigError, ModelError, WarehouseError, ready.OptionError)

app = typer.Typer(add_completion=False, help=__doc__)
report = typer.Typer(help="Answers, as the pages give them.")
app.add_typer(report, name="report")
out = Console(width=None if sys.stdout.isatty() else 120)  # a file or a pipe has no width of its own
err = Console(stderr=True)

Warehouse = Annotated[str | None, typer.Option(help="Folder or URL of the warehouse; default: the configured one.")]
Model = Annotated[str | None, typer.Option(metavar="NAME|FILE.toml", help="Stage model; default: the configured one.")]
Models = Annotated[list[str] | None, typer.Option("--model", metavar="NAME|FILE.toml", help="Default: all known ones.")]
File = Annotated[list[Path] | None, typer.Option(metavar="FILE", help="CSV (also .gz) or Parquet.")]
Text = str | None


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


@app.command()
def demo(
    contacts: Annotated[int, typer.Option(min=1, help="How many contacts to invent.")] = company.CONTACTS,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal companies.")] = company.SEED,
    as_of: Annotated[Text, typer.Option(help="Where its history ends; default: today 00:00 UTC.")] = None,
    warehouse: Warehouse = None,
) -> None:
    """Fill the embedded warehouse with an invented company and build every model."""
    settings = load_settings(warehouse=warehouse)
    end = ready.read_as_of(as_of, settings.calendar) if as_of else None
    models = ready.known_models(settings)
    with _progress() as tick:
        rows = company.demo(settings, models, contacts=contacts, seed=seed, as_of=end, tick=tick)
    out.print(terminal.table("The demo company", ["table", "rows"], ([t, f"{n:,}"] for t, n in rows.items())))


@app.command()
def load(
    stage_events: File = None,
    stage_dates: File = None,
    contacts: File = None,
    contact_history: File = None,
    contact_merges: File = None,
    activities: File = None,
    audits: File = None,
    deals: File = None,
    deal_stage_events: File = None,
    subscriptions: File = None,
    orders: File = None,
    surveys: File = None,
    referrals: File = None,
    spend: File = None,
    targets: File = None,
    benchmarks: File = None,
    traffic: File = None,
    map: Annotated[list[str] | None, typer.Option(metavar="T.C=X", help="Column C of table T is the file's X.")] = None,
    mapping_file: Annotated[Path | None, typer.Option("--mapping", help="What becomes of which file, as TOML.")] = None,
    files: Annotated[Path | None, typer.Option(help="Where the mapping's files lie; default: beside it.")] = None,
    timezone: Annotated[Text, typer.Option(help="Time zone of instants that name none, such as Europe/Berlin.")] = None,
    epoch: Annotated[
        Text, typer.Option(metavar="s|ms|us", help="Instants are numbers since 1970, in this unit.")
    ] = None,
    decimal: Annotated[Text, typer.Option(metavar=".|,", help="Decimal mark of numbers; default: a point.")] = None,
    encoding: Annotated[Text, typer.Option(help="Of CSV files, such as cp1252; default: utf-8.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to the tables instead of replacing them.")] = False,
    warehouse: Warehouse = None,
) -> None:
    """Load CSV or Parquet files into the embedded warehouse: all of them, or nothing."""
    given = {t: paths or [] for t, paths in locals().items() if t in mapping.CONTRACT}
    settings = load_settings(warehouse=warehouse)
    options = {"timezone": timezone, "epoch": epoch, "decimal": decimal, "encoding": encoding}
    reading = {name: text for name, text in options.items() if text is not None}
    sources = mapping.from_options(given, map or [], **reading)
    if mapping_file:
        sources += mapping.from_file(mapping_file, files, **reading)
    with _progress() as tick:
        reports = loading.load(
            settings, sources, append=append, tick=lambda t, f, done, of: tick(f"{f} → {t}", done, of)
        )
    out.print(terminal.load_table(reports))
    for line in terminal.reject_lines(reports):
        out.print(terminal.plain(line), soft_wrap=True)
    out.print("Next: lifecycle build")


@app.command()
def build(
    model: Models = None,
    full: Annotated[bool, typer.Option("--full", help="Rebuild everything, not only what changed.")] = False,
    warehouse: Warehouse = None,
) -> None:
    """Build stage models over what was loaded, and make them current."""
    settings = load_settings(warehouse=warehouse)
    known = ready.known_models(settings)
    chosen = [ready.find_model(known, name) for name in model] if model else list(known.values())
    with _status() as say:
        built = ready.build_models(settings, chosen, known, full=full, say=say)
    headings = ["model", "events in", "used", "repeats", "ignored", "duplicates", "quarantined"]
    names = ("in", "used", "repeats", "ignored", "duplicates", "quarantined")
    out.print(terminal.table("", headings, ([b.model, *(f"{b.counts[n]:,}" for n in names)] for b in built)))


@report.command("funnel")
def report_funnel(
    model: Model = None,
    stages: Annotated[Text, typer.Option(metavar="a,b,c", help="Progress stages to count; default: all.")] = None,
    period: Annotated[Text, typer.Option(help="A preset such as last_12_months, this_quarter, all.")] = None,
    from_: Annotated[Text, typer.Option("--from", metavar="DAY", help="First local day.")] = None,
    to: Annotated[Text, typer.Option(metavar="DAY", help="The local day after the last.")] = None,
    compare: Annotated[Text, typer.Option(metavar="none|previous|year", help="Another period beside it.")] = None,
    as_of: Annotated[Text, typer.Option(help="Data cut-off: a local day or an instant.")] = None,
    timezone: Annotated[Text, typer.Option(help="Time zone of days.")] = None,
    basis: Annotated[Text, typer.Option(metavar="cohort|period|stock", help="Whose entries count.")] = None,
    count: Annotated[Text, typer.Option(metavar="passed|ordered|strict|any", help="What reaching means.")] = None,
    window: Annotated[
        Text, typer.Option(metavar="90d", help="Time allowed from the first stage: s, min, h, d, w.")
    ] = None,
    where: Annotated[list[str] | None, typer.Option(metavar="S=a,b", help="Only these values of a segment.")] = None,
    by: Annotated[Text, typer.Option(metavar="SEGMENT", help="Break down by a segment.")] = None,
    top: Annotated[Text, typer.Option(metavar="N", help="How many values of it; the rest is Other.")] = None,
    grain: Annotated[Text, typer.Option(metavar="day|week|month|quarter|year", help="Periods of the trend.")] = None,
    format: Annotated[Format, typer.Option(help="How the answer is written.")] = Format.table,
    warehouse: Warehouse = None,
) -> None:
    """How many reach each stage, and what becomes of the others."""
    from pages.ui import funnel_text  # with the statistics behind it, which the other commands need not wait for
    from queries.funnel import funnel, trend

    named = {"stages": stages, "period": period, "from": from_, "to": to, "compare": compare, "as_of": as_of}
    named |= {"timezone": timezone, "basis": basis, "count": count, "window": window}
    named |= {"by": by, "top": top, "grain": grain}
    with _scoped(model, named, where or [], warehouse) as (modelled, scope):
        answer = funnel(modelled, scope)
        rows = trend(modelled, scope).rows if format == Format.json and scope.basis == "cohort" else ()
    if format == Format.table:
        out.print(funnel_text.as_table(answer))
    else:
        sys.stdout.write(funnel_text.as_csv(answer) if format == Format.csv else funnel_text.as_json(answer, rows))


def _aligned(question: str, about: str) -> None:
    """Adds a question about marketing and sales to the report; it has the options of the funnel that mean something."""

    @report.command(question, help=about)
    def command(
        model: Model = None,
        period: Annotated[Text, typer.Option(help="A preset such as last_12_months, this_quarter, all.")] = None,
        from_: Annotated[Text, typer.Option("--from", metavar="DAY", help="First local day.")] = None,
        to: Annotated[Text, typer.Option(metavar="DAY", help="The local day after the last.")] = None,
        compare: Annotated[Text, typer.Option(metavar="none|previous|year", help="Another period beside it.")] = None,
        as_of: Annotated[Text, typer.Option(help="Data cut-off: a local day or an instant.")] = None,
        timezone: Annotated[Text, typer.Option(help="Time zone of days.")] = None,
        where: Annotated[
            list[str] | None, typer.Option(metavar="S=a,b", help="Only these values of a segment.")
        ] = None,
        by: Annotated[Text, typer.Option(metavar="SEGMENT", help="Break down by a segment.")] = None,
        grain: Annotated[
            Text, typer.Option(metavar="day|week|month|quarter|year", help="Periods of the trend.")
        ] = None,
        format: Annotated[Format, typer.Option(help="How the answer is written.")] = Format.table,
        warehouse: Warehouse = None,
    ) -> None:
        from pages.ui import alignment_text

        named = {"period": period, "from": from_, "to": to, "compare": compare, "as_of": as_of, "timezone": timezone}
        with _scoped(model, named | {"by": by, "grain": grain}, where or [], warehouse) as (modelled, scope):
            answer, found = alignment_text.ask(question, modelled, scope)
        if format == Format.table:
            out.print(alignment_text.as_table(answer))
        else:
            sys.stdout.write(alignment_text.as_csv(found) if format == Format.csv else alignment_text.as_json(found))


for _question, _about in {
    "alignment": "Whether marketing and sales agree on the leads handed over.",
    "sla": "Whether sales touches the leads handed over in time.",
    "commitment": "Whether marketing delivers the leads it promised, month by month.",
}.items():
    _aligned(_question, _about)


@app.command()
def check(warehouse: Warehouse = None) -> None:
    """Look at configuration, connection, freshness and conservation; exit 1 where something is wrong."""
    from queries.checks import checks

    settings = load_settings(warehouse=warehouse)
    good = True
    for found in checks(settings, ready.known_models(settings), datetime.now(UTC).replace(tzinfo=None)):
        out.print(terminal.check_line(found.name, found.is_good, found.seen, found.hint), soft_wrap=True)
        good = good and found.is_good
    if not good:
        raise typer.Exit(1)


@contextmanager
def _scoped(
    model: str | None, named: Mapping[str, str | None], where: list[str], warehouse: str | None
) -> Iterator[tuple[Modelled, Scope]]:
    """The chosen build, made first where it is missing, and what the options ask of it."""
    settings = load_settings(warehouse=warehouse)
    known = ready.known_models(settings)
    chosen = ready.find_model(known, model or settings.default_model)
    with _status() as say, ready.ready(settings, chosen, known, say=say) as modelled:
        params = {name: [text] for name, text in named.items() if text is not None}
        yield modelled, ready.read_scope(modelled, settings, params | ready.read_where(modelled.catalog, where))


@contextmanager
def _status() -> Iterator[Callable[[str], None]]:
    """One line on standard error that says what is being done."""
    with err.status("") as status:
        yield lambda doing: status.update(terminal.plain(doing))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar per thing that is done, on standard error, from the first that is."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    bars, tasks = Progress(*columns, console=err), {}

    def tick(what: str, done: int, of: int) -> None:
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(terminal.plain(what).plain, total=of)
        bars.update(tasks[what], completed=done)

    try:
        yield tick
    finally:
        if tasks:
            bars.stop()


def main() -> None:
    """The entry point: a mistake is one line on standard error, and exit code 2."""
    logging.raiseExceptions = False  # a log that cannot be written must not bury the message
    logging.basicConfig(handlers=[logging.FileHandler(LOG, delay=True)], level=logging.WARNING)
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:  # whoever reads has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except typer.TyperException as mistake:
        said = getattr(mistake, "format_message", mistake.__str__)()  # with the option's name, where it is about one
        _fail(f"{said.rstrip('.')}. See lifecycle --help.")
    except MISTAKES as mistake:
        _fail(str(mistake))
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped; nothing was changed")
    except Exception as problem:
        _fail(f"This could not be done. Reference {record(problem)} is in {LOG}.")


def _fail(message: str) -> None:
    sys.stderr.write(f"lifecycle: {' '.join(terminal.plain(message).plain.split())}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()

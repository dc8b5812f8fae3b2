"""Customer lifecycle in the terminal: the same answers as the pages."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lifecycle.health import left_out
from lifecycle.scope import Scope
from lifecycle.stages import ModelError
from pages.ui import decks, output, reports, terminal
from pages.ui.failures import record
from queries import demo as company
from queries import exports, mapping, ready
from queries import load as loading
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


class Slides(StrEnum):
    """The formats of a question that is told as slides, too."""

    table = "table"
    json = "json"
    csv = "csv"
    pptx = "pptx"
    html = "html"


Where = Annotated[list[str] | None, typer.Option(metavar="S=a,b", help="Only these values of a segment.")]
HOW = typer.Option(help="How the answer is written.")
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Where it is written; default: standard output.")]


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
    mapping_file: Annotated[
        Text,
        typer.Option(
            "--mapping",
            metavar="FILE.toml|" + "|".join(exports.shipped()),
            help="What becomes of which file; for the export of a common CRM system, its name.",
        ),
    ] = None,
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
    sources = mapping.chosen(given, map or [], mapping_file, files, **reading)
    with _progress() as tick:
        reports = loading.load(
            settings, sources, append=append, tick=lambda t, f, done, of: tick(f"{f} → {t}", done, of)
        )
    out.print(terminal.load_table(reports))
    for line in terminal.note_lines(reports) + terminal.reject_lines(reports):
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
    for b in built:
        for said in left_out(b.counts).values():
            out.print(f"{b.model}: {said}", markup=False)


def _reported(name: str, question: reports.Question) -> None:
    """Adds a question to the report: its options, which lifecycle, which records, and how the answer is written."""

    def command(**parameters: Any) -> None:
        given = {parameter.rstrip("_"): value for parameter, value in parameters.items()}
        text = import_module(question.answered_by)
        named = {option: given[option] for option in question.options}
        own = {option: given[option] for option in question.own or () if given[option] is not None}
        with _scoped(given["model"], named, given["where"] or [], given["warehouse"]) as (modelled, scope):
            if given["format"] in (Slides.pptx, Slides.html):
                content = decks.made(question.deck or "", given["format"], modelled, scope)
            else:
                answer, found = text.ask(name, modelled, scope, own)
                writers: dict[str, Callable[[], Any]] = {
                    "table": lambda: text.as_table(answer),
                    "json": lambda: terminal.as_json(found),
                    "csv": lambda: terminal.as_csv(text.lines(found)),
                }
                content = writers[given["format"]]()
        output.deliver(content, given["output"], out)

    options: dict[str, tuple[Any, Any]] = {"model": (Model, None)}
    options |= {option: (annotation, None) for option, annotation in question.parameters.items()}
    options |= {"where": (Where, None), "output": (Output, None), "warehouse": (Warehouse, None)}
    options["format"] = (Annotated[Slides if question.deck else Format, HOW], Format.table)
    options = {f"{o}_" if iskeyword(o) else o: declared for o, declared in options.items()}  # `from`
    command.__annotations__ = {option: annotation for option, (annotation, _) in options.items()}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(o, inspect.Parameter.KEYWORD_ONLY, default=d, annotation=a) for o, (a, d) in options.items()]
    )
    report.command(name, help=question.about)(command)


for _name, _question in reports.QUESTIONS.items():
    _reported(_name, _question)


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
        _fail(f"{said if said.endswith(('.', '?')) else f'{said}.'} See lifecycle --help.")
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

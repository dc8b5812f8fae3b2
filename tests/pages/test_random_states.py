"""Whatever combination of choices a link holds, every page draws it: no exception, no card that gave up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import ButtonGroup, Multiselect, NumberInput, Selectbox

from lifecycle.correspondence import POSITIONS
from lifecycle.links import Surroundings
from lifecycle.periods import GRAINS, PRESETS
from lifecycle.scope import BASES, COMPARISONS, COUNTS
from lifecycle.segments import NOT_SET
from lifecycle.stages import shipped_models
from tests.pages import odd_companies
from tests.pages.conftest import APP, Open

PAGES = [
    str(path.relative_to(APP.parent))
    for path in sorted(APP.parent.glob("pages/*/*.py"))
    if "page_header(" in path.read_text(encoding="utf-8") and path.parent.name != "ui"
]
STATES = 300  # shared out among the pages; the long run drives MANY through each
MANY = 5_000
FEW = 3  # through each page of each odd company
WILD = ["", "nonsense", "-1", "NaN", "'; --", "2026-02-30", "9" * 400, "\u202e\u0301🎈", "..", "a..b", "1..", "..2"]
DAYS = ["2023-06-01", "2025-01-01", "2025-12-31", "2026-02-28", "2026-03-01", "2026-03-02", "2030-01-01"]
PARTS = ["Stages", "Models side by side", "Why counts differ", "Metrics"]
TABS = {  # the page that has tabs → their name in a link, and what they are
    "alignment": (
        "section",
        ("Agreement", "Why", "Threshold", "Service level", "Leads to discuss", "Both definitions"),
    ),
    "time_in_stage": ("pace", ("Every stage", "One stage", "Compared", "Trend", "Stalled", "End to end")),
    "moves": ("moves", ("From each stage", "Paths", "Routes", "Coming back", "Stock and flow")),
    "retention": ("retention", ("Cohorts", "Curves", "Money", "Activity")),
    "loyalty": ("loyalty", ("Repeat purchase", "Recommendation", "The loop", "Value")),
}

Params = dict[str, list[str]]


def invented(seed: int, around: Surroundings, page: str) -> Params:
    """A link that someone might have: mostly sensible, now and then wild."""
    random = Random(seed)

    def some(chance: float) -> bool:
        return random.random() < chance

    progress = around.model.progress
    choices: dict[str, list[str]] = {
        "model": ["crm", "customer_lifecycle", "discovery"],  # the last is not built everywhere
        "period": [*PRESETS, "custom"],
        "from": DAYS,
        "to": DAYS,
        "as_of": [*DAYS, "2025-07-01T12:00:00.000001"],
        "timezone": ["America/New_York", "Asia/Kolkata", "Pacific/Apia"],
        "compare": list(COMPARISONS),
        "by": [s.name for s in around.catalog.visible if s.can_break_down] or WILD,
        "top": ["1", "3", "50"],
        "basis": list(BASES),
        "count": list(COUNTS),
        "window": ["1s", "15min", "12h", "7d", "90d", "400w"],
        "grain": list(GRAINS),
        "stages": [",".join(s.key for s in random.sample(progress, k)) for k in (1, 2, 3)],
        "part": PARTS,
        "contact": ["c00001", "c00013", "a00001", "nobody"],
        "beside": [m.label for m in shipped_models().values()],
        "position": list(POSITIONS.values()),
        "counted": [s.label for s in progress],
    }
    link = {name: [random.choice(WILD if some(0.05) else values)] for name, values in choices.items() if some(0.35)}
    for segment in around.catalog.visible:
        if some(0.12):
            values = [NOT_SET if v is None else v for v in segment.values] or ["0..10", "5..", "..50", "30..20"]
            found = random.sample(values, random.randint(1, min(3, len(values))))
            link[f"where.{segment.name}"] = found if segment.values else found[:1]
            if some(0.05):
                link[f"where.{segment.name}"] = [random.choice(WILD)]
    if page in TABS and some(0.8):
        key, tabs = TABS[page]
        link[key] = [random.choice(tabs)]
    return link


def played(tab: AppTest, random: Random) -> dict[str, object]:
    """What a reader then chooses of what the page offers: by widget, its new value."""
    chosen: dict[str, object] = {}
    for widget in (*tab.selectbox, *tab.multiselect, *tab.button_group, *tab.toggle, *tab.checkbox, *tab.number_input):
        if widget.disabled or not (is_typed(widget) or random.random() < 0.3):
            continue
        value = offered(widget, random)
        widget.set_value(value)
        chosen[widget.key or widget.label] = value
    return chosen


def is_typed(widget: Any) -> bool:
    """Whether its value is none of its options: it cannot be sent a second time from here."""
    return isinstance(widget, Selectbox) and widget.value and widget.format_func(widget.value) not in widget.options


def offered(widget: Any, random: Random) -> Any:
    """One of the values that a widget can have."""
    match widget:
        case Selectbox() | ButtonGroup():
            return random.choice(widget.options) if widget.options else None
        case Multiselect():
            return random.sample(widget.options, random.randint(0, min(3, len(widget.options))))
        case NumberInput():
            return random.choice([widget.min, widget.max, widget.value])
        case _:
            return not widget.value


def draw(visit: Open, company: Path, page: str, seeds: range) -> None:
    around = visit(company).session_state["_view"].around
    for seed in seeds:
        link = invented(seed, around, Path(page).stem)
        tab = AppTest.from_file(str(APP), default_timeout=60)
        for name, values in link.items():
            tab.query_params[name] = values
        check(tab.switch_page(page).run(), f"{page} {link}")
        chosen = played(tab, Random(seed))
        check(tab.run(), f"{page} {link}, then {chosen}")


def check(tab: AppTest, state: str) -> None:
    said = [element.value for element in (*tab.warning, *tab.error, *tab.info)]
    assert not tab.exception, f"{state}: {tab.exception[0].message}"
    assert not any("Reference" in text for text in said), f"{state}: {said}"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_random_states(visit: Open, company: Path, page: str) -> None:
    draw(visit, company, page, range(PAGES.index(page), STATES, len(PAGES)))


@pytest.fixture(scope="module", params=[odd_companies.bare, odd_companies.empty, odd_companies.hostile, None])
def odd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Companies with one event, with none, with names for everything, and with forty odd columns."""
    make: Callable[[Path], Path] | None = request.param
    return make(tmp_path_factory.mktemp("odd")) if make else request.getfixturevalue("oddities")


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_odd_companies(visit: Open, odd: Path, page: str) -> None:
    draw(visit, odd, page, range(FEW))


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_every_random_state(visit: Open, company: Path, page: str) -> None:
    draw(visit, company, page, range(MANY))

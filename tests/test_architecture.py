"""The house rules that a reader of the code relies on, read from the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.ui import present

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT)
    for path in [
        ROOT / "app.py",
        ROOT / "cli.py",
        *(p for d in ("lifecycle", "queries", "pages") for p in (ROOT / d).rglob("*.py")),
    ]
    if path.exists()
)
UI = Path("pages/ui")
OURS = {"app", "cli", "lifecycle", "queries", "pages"}
MAY_IMPORT = {
    "lifecycle": {"lifecycle"},
    "queries": {"queries", "lifecycle"},
    "pages": {"pages", "queries", "lifecycle"},
    "app.py": {"pages", "queries", "lifecycle"},
    "cli.py": {"pages", "queries", "lifecycle"},
}
FOREIGN_TO = {  # who must not know what
    "lifecycle": {"streamlit", "sqlalchemy", "altair", "duckdb"},
    "queries": {"streamlit", "altair"},
    "pages": {"sqlalchemy", "duckdb"},
    "app.py": {"sqlalchemy", "duckdb", "altair"},
}
# Functions that mean the same on every engine (lower: of ASCII); any other is named by dialect.py alone.
PORTABLE = {
    *("avg", "coalesce", "count", "first_value", "lag", "lead", "length", "lower", "max", "min", "mod", "nullif"),
    *("grouping", "grouping_sets", "rank", "rollup", "row_number", "substr", "sum"),
}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__", "breakpoint"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "yaml", "subprocess"}
STARTS = Path("queries/worker.py"), "subprocess"  # itself, and nothing else
STYLED = (UI / "present.py", "st.html")
FORBIDDEN_STREAMLIT = {"html", "iframe", "switch_page", "components", "write", "exception", "file_uploader"}


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.Module) -> Iterator[str]:
    """Dotted names as they are written: `st.session_state`, `st.cache_data`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def test_there_is_something_to_read() -> None:
    assert {Path("app.py"), UI / "filters.py", Path("lifecycle/scope.py")} <= set(FILES)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_run_one_way(path: Path) -> None:
    layer = path.parts[0]
    for name in imports(parsed(path)):
        top = name.split(".")[0]
        assert top not in FOREIGN_TO.get(layer, set()), f"{path} must not know {top}"
        if top in OURS:
            assert top in MAY_IMPORT[layer], f"{path} must not import {name}"
        if path.parts[:2] == UI.parts and top == "pages":
            assert name.startswith("pages.ui") or name == "pages", f"{path}: the shared parts know no page"
        elif layer == "cli.py" and top == "pages":
            assert name.startswith("pages.ui") or name == "pages", f"{path}: the terminal knows no page"
        elif layer == "pages" and top == "pages" and not name.startswith("pages.ui"):
            assert name.split(".")[1] == path.parts[1], f"{path}: sections do not import each other"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] in ("pages", "app.py")], ids=str)
def test_state_url_and_cache_have_one_user_each(path: Path) -> None:
    for name in attributes(parsed(path)):
        if path not in (UI / "filters.py", UI / "places.py"):
            assert "session_state" not in name, f"{path}: only filters.py and places.py touch session state"
            assert "query_params" not in name, f"{path}: only filters.py and places.py touch the URL"
        if path != UI / "data.py":
            assert not re.search(r"\bst\.cache", name), f"{path}: only data.py caches"


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "dialect.py" and p.parts[0] == "queries"], ids=str)
def test_only_dialect_knows_engines(path: Path) -> None:
    for name in attributes(parsed(path)):
        if found := re.fullmatch(r"(?:sa\.)?func\.(\w+)", name):
            assert found[1] in PORTABLE, f"{path}: {found[1]}() belongs into dialect.py"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_runs_what_it_was_given(path: Path) -> None:
    tree = parsed(path)
    for name in imports(tree):
        assert (path, name) == STARTS or name.split(".")[0] not in FORBIDDEN_MODULES, f"{path}: {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_NAMES, f"{path}: {node.func.id}()"
        if isinstance(node, ast.keyword):
            assert node.arg != "unsafe_allow_html", f"{path}: unsafe_allow_html"
            assert node.arg != "literal_binds", f"{path}: values are bound, never written into a statement"
            assert (node.arg, getattr(node.value, "value", None)) != ("persist", "disk"), f"{path}: persist='disk'"
    for name in attributes(tree):
        if name.startswith("st.") and (path, name) != STYLED:
            assert name.split(".")[1] not in FORBIDDEN_STREAMLIT, f"{path}: {name}"


def test_the_only_process_started_is_a_worker() -> None:
    calls = [n for n in ast.walk(parsed(STARTS[0])) if isinstance(n, ast.Call) and "subprocess" in ast.unparse(n.func)]
    assert [ast.unparse(call.func) for call in calls] == ["subprocess.Popen"]
    assert ast.unparse(calls[0].args[0]) == "[sys.executable, '-m', 'queries.worker', str(there)]"


def test_the_only_markup_is_the_style_sheet_of_the_presentation() -> None:
    calls = [n for n in ast.walk(parsed(STYLED[0])) if isinstance(n, ast.Call) and ast.unparse(n.func) == STYLED[1]]
    assert [ast.unparse(call) for call in calls] == ["st.html(STYLE)"]
    assert present.STYLE == ROOT / "static/present.css"
    assert not re.search(r"<|@import|url\(", present.STYLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[0] == "pages"], ids=str)
def test_pages_draw_charts_through_the_card(path: Path) -> None:
    if path == UI / "layout.py":
        return
    drawing = {"vega_lite_chart", "altair_chart", "line_chart", "bar_chart", "area_chart", "plotly_chart", "pyplot"}
    for name in attributes(parsed(path)):
        assert name.rsplit(".", 1)[-1] not in drawing or not name.startswith("st"), f"{path}: {name}"


def test_pages_lie_in_sections() -> None:
    """A file directly in pages/ would be reachable without the frame until the first visit."""
    assert [p.name for p in (ROOT / "pages").glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_modules_stay_readable(path: Path) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").count("\n")
    assert lines <= 300, f"{path} has {lines} lines"

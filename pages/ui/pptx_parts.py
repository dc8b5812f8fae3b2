"""The parts of a PowerPoint slide: texts, native charts and tables, in inches and points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION, XL_MARKER_STYLE, XL_TICK_LABEL_POSITION, XL_TICK_MARK
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml.ns import qn
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Inches, Pt

from pages.ui.export import cell_text
from pages.ui.slides import Grid, Native, are_figures, shortened

INK, QUIET, LINE, PAPER_BLUE, HEAD, WHITE = "17212E", "5A6675", "DFE4EA", "F5F7FA", "E7EBF0", "FFFFFF"
GOOD = {True: "1F7A4D", False: "B3391F", None: QUIET}
TYPES = {
    "columns": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "stacked columns": XL_CHART_TYPE.COLUMN_STACKED,
    "bars": XL_CHART_TYPE.BAR_CLUSTERED,
    "stacked bars": XL_CHART_TYPE.BAR_STACKED,
    "full bars": XL_CHART_TYPE.BAR_STACKED_100,
    "curves": XL_CHART_TYPE.XY_SCATTER_LINES_NO_MARKERS,
}
LONGEST = 60  # characters of a category
SHORT, BLANK = 12, 20  # characters: of a cell that is not broken, of one to be filled in


@dataclass(frozen=True)
class Box:
    """A rectangle on a slide, in inches."""

    left: float
    top: float
    width: float
    height: float

    @property
    def emu(self) -> tuple[int, int, int, int]:
        return Inches(self.left), Inches(self.top), Inches(self.width), Inches(self.height)


def text(page: Any, box: Box, fill: str | None = None) -> Any:
    """A text frame that wraps; with a fill it has a margin, without one none."""
    shape = page.shapes.add_textbox(*box.emu)
    frame = shape.text_frame
    frame.word_wrap = True
    if fill:
        shape.fill.solid()
        shape.fill.fore_color.rgb = RGBColor.from_string(fill)
    margin = Inches(0.12 if fill else 0)
    frame.margin_left = frame.margin_right = margin
    frame.margin_top = frame.margin_bottom = Inches(0.06 if fill else 0)
    return frame


def paragraph(
    frame: Any, said: str, *, size: float, bold: bool = False, colour: str = INK, first: bool | None = None
) -> Any:
    """One more paragraph; the `first` one of a frame is there already (default: where the frame is empty)."""
    is_first = not frame.text if first is None else first
    made = frame.paragraphs[0] if is_first else frame.add_paragraph()
    run = made.add_run()
    run.text = said
    run.font.size, run.font.bold = Pt(size), bold
    run.font.color.rgb = RGBColor.from_string(colour)
    made.alignment = PP_ALIGN.LEFT
    return made


def chart(page: Any, native: Native, box: Box) -> Any:
    """A chart of the program's own, with the data in its own sheet."""
    made = page.shapes.add_chart(TYPES[native.kind], *box.emu, _data(native))
    drawn = made.chart
    drawn.has_title = False
    drawn.font.size, drawn.font.color.rgb = Pt(11), RGBColor.from_string(QUIET)
    drawn.has_legend = len(native.series) + len(native.lines) > 1
    if drawn.has_legend:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
    for line in native.lines:
        _over(drawn, line.colour)
    for series, line in zip(drawn.plots[0].series, native.series, strict=True):
        colour = _rgb(line.colour)
        if native.kind == "curves":
            series.format.line.color.rgb, series.format.line.width, series.smooth = colour, Pt(2.25), False
        else:
            series.format.fill.solid()
            series.format.fill.fore_color.rgb = colour
    _axes(drawn, native)
    return made


def _rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.removeprefix("#"))


def _data(native: Native) -> Any:
    if native.kind == "curves":
        points = XyChartData(number_format=native.style)
        for line in native.series:
            series = points.add_series(cell_text(line.name))
            for x, y in zip(native.categories, line.values, strict=True):
                if y is not None:
                    series.add_data_point(x, y)
        return points
    data = CategoryChartData(number_format=native.style)
    data.categories = [shortened(cell_text(c), LONGEST) for c in native.categories]
    for line in (*native.series, *native.lines):
        data.add_series(cell_text(line.name), line.values)
    return data


def _over(drawn: Any, colour: str) -> None:
    """Turns the first series behind the columns' own into a line over them: the library draws no two types in one."""
    bars = drawn._chartSpace.find(f".//{qn('c:barChart')}")
    series = bars.findall(qn("c:ser"))[-1]
    bars.remove(series)
    for child in series.findall(qn("c:invertIfNegative")):
        series.remove(child)
    lines = OxmlElement("c:lineChart")
    for name, value in (("c:grouping", "standard"), ("c:varyColors", "0")):
        lines.append(_valued(name, value))
    lines.append(series)
    lines.append(_valued("c:marker", "1"))
    for axis in bars.findall(qn("c:axId")):
        lines.append(_valued("c:axId", axis.get("val")))
    bars.addnext(lines)
    line = drawn.plots[1].series[0]
    line.format.line.color.rgb, line.format.line.width, line.smooth = _rgb(colour), Pt(2), False
    line.marker.style = XL_MARKER_STYLE.NONE


def _valued(name: str, value: str) -> Any:
    made = OxmlElement(name)
    made.set("val", value)
    return made


def _axes(drawn: Any, native: Native) -> None:
    """Quiet axes; bars run from the top down, with their numbers where they add up to no whole."""
    values, categories = drawn.value_axis, drawn.category_axis
    values.has_major_gridlines = True
    values.major_gridlines.format.line.color.rgb = RGBColor.from_string(LINE)
    values.format.line.fill.background()
    values.tick_labels.number_format = "0%" if native.kind == "full bars" else native.style
    values.tick_labels.number_format_is_linked = False
    values.major_tick_mark = categories.major_tick_mark = XL_TICK_MARK.NONE
    categories.format.line.color.rgb = RGBColor.from_string(LINE)
    values.minimum_scale = 0
    if native.kind == "curves":
        categories.has_major_gridlines = False
        low, high = min(native.categories), max(native.categories)
        categories.minimum_scale, categories.maximum_scale = low, high if high > low else None
        values.maximum_scale = 1 if native.style == "0%" else None
        return
    plot = drawn.plots[0]
    plot.gap_width = 45
    every = _valued("c:tickLblSkip", "1")  # every category keeps its name
    categories._element.find(qn("c:noMultiLvlLbl")).addprevious(every)
    if "bars" in native.kind:
        categories.reverse_order = True
        values.tick_label_position = XL_TICK_LABEL_POSITION.HIGH  # which is below, as the order is reversed
    if native.kind in ("bars", "columns"):
        plot.has_data_labels = True
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = native.style, False
        plot.data_labels.font.size = Pt(10)
        values.visible = False
        values.has_major_gridlines = False


def table(page: Any, frame: pd.DataFrame, box: Box) -> Any:
    """A table of the program's own: its columns as wide as their texts ask, numbers to the right."""
    body = [[cell_text(v) for v in row] for row in frame.itertuples(index=False)]
    cells = [[cell_text(c) for c in frame.columns], *body]
    size = 12 if len(cells) <= 10 else 10
    widths = _widths(cells, box.width - 0.2 * len(frame.columns), 0.0078 * size)
    made = page.shapes.add_table(
        len(cells), len(widths), *Box(box.left, box.top, box.width, min(0.3 * len(cells), box.height)).emu
    )
    made.table.horz_banding = False
    for i, width in enumerate(widths):
        made.table.columns[i].width = Inches(width + 0.2)
        right = are_figures(row[i] for row in body)
        for j, row in enumerate(cells):
            _cell(made.table.cell(j, i), row[i], size, head=j == 0, right=right)
    return made


def _widths(cells: list[list[str]], room: float, per_character: float) -> list[float]:
    """Inches per column: no word is broken; what is left goes to those whose texts would wrap, then to the empty."""
    columns = list(zip(*cells, strict=True))
    blank = [not any(column[1:]) for column in columns]
    least = [BLANK if not any(rest) else max(map(_unbroken, (*head.split(" "), *rest))) for head, *rest in columns]
    most = [max(low, *map(len, column)) for low, column in zip(least, columns, strict=True)]
    spare, asked = room / per_character - sum(least), sum(most) - sum(least)
    if spare <= 0:
        return [low * room / sum(least) for low in least]
    if asked >= spare:
        return [(low + (high - low) * spare / asked) * per_character for low, high in zip(least, most, strict=True)]
    grow = blank if any(blank) else [True] * len(columns)
    return [(high + (spare - asked) / sum(grow) * g) * per_character for high, g in zip(most, grow, strict=True)]


def _unbroken(cell: str) -> int:
    """Characters that are to stay on one line: all of a short text, the longest word of a long one."""
    return len(cell) if len(cell) <= SHORT else max(map(len, cell.split(" ")))


def _cell(cell: Any, said: str, size: float, head: bool, right: bool) -> None:
    cell.fill.solid()
    cell.fill.fore_color.rgb = RGBColor.from_string(HEAD if head else PAPER_BLUE)
    cell.margin_top = cell.margin_bottom = Inches(0.04 if size > 10 else 0.02)
    cell.margin_left = cell.margin_right = Inches(0.08)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    made = paragraph(cell.text_frame, said, size=size, bold=head, first=True)
    made.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT


def grid(page: Any, native: Grid, box: Box) -> Any:
    """A few large cells in their colours, as a table of the program's own."""
    height = min(box.height, 3.6)
    made = page.shapes.add_table(
        len(native.rows) + 1, len(native.columns) + 1, *Box(box.left, box.top, box.width, height).emu
    )
    lines = made.table
    lines.rows[0].height = Inches(0.4)
    for j in range(len(native.rows)):
        lines.rows[j + 1].height = Inches((height - 0.4) / len(native.rows))
    for i, name in enumerate(("", *native.columns)):
        _cell(lines.cell(0, i), cell_text(name), 13, head=True, right=False)
    for j, (name, cells) in enumerate(native.rows, 1):
        _cell(lines.cell(j, 0), cell_text(name), 13, head=True, right=False)
        for i, found in enumerate(cells, 1):
            cell = lines.cell(j, i)
            number, note, colour = found or ("", "cannot be known", "")
            _cell(cell, cell_text(number), 28, head=False, right=False)
            if colour:
                cell.fill.fore_color.rgb = _rgb(colour)
            cell.text_frame.paragraphs[0].runs[0].font.color.rgb = RGBColor.from_string(WHITE)
            paragraph(cell.text_frame, cell_text(note), size=13, colour=WHITE if colour else QUIET, first=not number)
    return made

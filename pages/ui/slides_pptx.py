"""Slides as a PowerPoint deck: charts and tables are its own, to be edited there; what it cannot draw is a picture."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from pages.ui.export import on_slide
from pages.ui.picture import Picture
from pages.ui.pptx_parts import GOOD, PAPER_BLUE, QUIET, Box, chart, grid, paragraph, table, text
from pages.ui.slides import Deck, Figure, Grid, Native, Panel, Slide, shortened

WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.55  # inches, 16:9
GAP = 0.35
TITLE, FOOT = 0.42, 6.93  # where the headline and the basis line begin
PIXELS = 85  # of a picture per inch, so that its texts are as large as those beside it
LINE = 130  # characters of a note that fit on a line
LARGE = 3  # figures in a row, where they stand alone


def to_file(deck: Deck) -> bytes:
    """The whole deck, 16:9: on each slide the finding, its numbers, panels and notes, basis, filters, data cut-off."""
    made = Presentation()
    _widen(made)
    for number, slide in enumerate(deck.slides, 1):
        _slide(made, slide(), deck, number)
    said = made.core_properties
    said.title, said.subject, said.author, said.last_modified_by = deck.title, " · ".join(deck.shown), "", ""
    said.created = said.modified = datetime.now(UTC).replace(tzinfo=None)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _widen(made: Any) -> None:
    """The library's template is 4:3: its layouts, and so every slide made from them later, become 16:9."""
    factor = Inches(WIDTH) / made.slide_width
    made.slide_width, made.slide_height = Inches(WIDTH), Inches(HEIGHT)
    for layout in (made.slide_master, *made.slide_layouts):
        for shape in layout.placeholders:
            shape.left, shape.width = Emu(int(shape.left * factor)), Emu(int(shape.width * factor))


def _slide(made: Any, slide: Slide, deck: Deck, number: int) -> None:
    page = made.slides.add_slide(made.slide_layouts[5])  # title only
    title = page.shapes.title
    title.left, title.top, title.width, title.height = Box(MARGIN, TITLE, WIDTH - 2 * MARGIN, 1.0).emu
    title.text_frame.vertical_anchor = MSO_ANCHOR.TOP
    title.text_frame.word_wrap = True
    title.text_frame.margin_left = title.text_frame.margin_right = 0
    said = shortened(slide.title)
    paragraph(title.text_frame, said, size=28 if len(said) < 74 else 24 if len(said) < 120 else 21, bold=True)
    top, bottom = TITLE + 1.1, FOOT - 0.1
    if slide.figures:
        top = _figures(page, slide.figures, top, stand_alone=not slide.panels)
    if slide.notes:
        height = 0.3 * sum(-(-len(note) // LINE) for note in slide.notes)
        bottom -= height
        lines = text(page, Box(MARGIN, bottom, WIDTH - 2 * MARGIN, height))
        for i, note in enumerate(slide.notes):
            paragraph(lines, shortened(note), size=14, first=i == 0)
    _panels(page, slide.panels, Box(MARGIN, top, WIDTH - 2 * MARGIN, bottom - top - 0.1))
    _foot(page, slide, deck, number)
    computed = [f"{p.title}: {d}" for p in slide.panels if (d := p.computed)]
    page.notes_slide.notes_text_frame.text = shortened("\n".join(computed) or slide.title, 4_000)


def _figures(page: Any, figures: tuple[Figure, ...], top: float, stand_alone: bool) -> float:
    """Numbers in a row, or large in rows of three where there is nothing else; returns where they end."""
    columns = min(len(figures), LARGE) if stand_alone else len(figures)
    width, height = (WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns, 1.75 if stand_alone else 1.15
    for i, figure in enumerate(figures):
        row, column = divmod(i, columns)
        frame = text(page, Box(MARGIN + column * (width + GAP), top + row * height, width, height - 0.15), PAPER_BLUE)
        paragraph(frame, figure.label, size=14 if stand_alone else 11, colour=QUIET, first=True)
        value = paragraph(frame, figure.value, size=36 if stand_alone else 22, bold=True)
        if figure.change:
            run = value.add_run()
            run.text = f"   {figure.change}"
            run.font.size, run.font.bold = Pt(16 if stand_alone else 12), False
            run.font.color.rgb = RGBColor.from_string(GOOD[figure.good])
        paragraph(frame, shortened(figure.note, 80), size=12 if stand_alone else 10, colour=QUIET)
    return top + height * -(-len(figures) // columns) + 0.1


def _panels(page: Any, panels: tuple[Panel, ...], box: Box) -> None:
    """Panels side by side, each with its title above."""
    parts = sum(p.width for p in panels)
    left = box.left
    for panel in panels:
        width = (box.width - GAP * (len(panels) - 1)) * panel.width / parts
        heading = text(page, Box(left, box.top, width, 0.35))
        paragraph(heading, shortened(panel.title, 90), size=13, bold=True, first=True)
        if panel.caption and panel.native is None and not panel.said:  # it tells how to read the picture
            paragraph(heading, shortened(panel.caption, 110), size=10, colour=QUIET)
        _drawn(page, panel, Box(left, box.top + 0.5, width, box.height - 0.5))
        left += width + GAP


def _drawn(page: Any, panel: Panel, box: Box) -> None:
    if panel.said:
        paragraph(text(page, box), shortened(panel.said), size=14, colour=QUIET, first=True)
    elif isinstance(panel.drawing, pd.DataFrame):
        table(page, panel.drawing, box)
    elif isinstance(panel.drawing, Picture):
        shape = _pictured(page, panel.drawing, panel.native, box)
        shape.name = shortened(panel.title, 90)
        shape._element.xpath(".//p:cNvPr")[0].set("descr", shortened(panel.drawing.alt, 2_000))


def _pictured(page: Any, picture: Picture, native: Native | Grid | None, box: Box) -> Any:
    if isinstance(native, Native):
        return chart(page, native, box)
    if isinstance(native, Grid):
        return grid(page, native, box)
    pixels = int(box.width * PIXELS), int(box.height * PIXELS)
    return page.shapes.add_picture(io.BytesIO(on_slide(picture, "png", *pixels)), *box.emu)


def _foot(page: Any, slide: Slide, deck: Deck, number: int) -> None:
    """What is counted, the active choices with the data cut-off and build, and which slide it is."""
    frame = text(page, Box(MARGIN, FOOT, WIDTH - 2 * MARGIN - 0.9, 0.45))
    for i, line in enumerate(line for line in (slide.basis, " · ".join(deck.shown)) if line):
        paragraph(frame, shortened(line, 230), size=10, colour=QUIET, first=i == 0)
    count = paragraph(text(page, Box(WIDTH - MARGIN - 0.9, FOOT, 0.9, 0.3)), f"{number} / {len(deck.slides)}", size=10)
    count.alignment = PP_ALIGN.RIGHT
    count.runs[0].font.color.rgb = RGBColor.from_string(QUIET)

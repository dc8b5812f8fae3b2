"""Slides as one page that needs nothing else: no script, no request; the template escapes everything that is data."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pages.ui.export import FONTS, cell_text, on_slide
from pages.ui.picture import INK, Picture
from pages.ui.slides import Deck, Panel, are_figures, shortened

WIDTH, HEIGHT, GAP = 1_140, 360, 24  # pixels of a slide's panels
WEIGHTS = {400: "Inter-Regular.woff2", 600: "Inter-SemiBold.woff2"}


def to_file(deck: Deck) -> bytes:
    """The whole deck, one slide below the other, in light, dark and print; what is to be decided can be written in."""
    pages = Environment(
        loader=FileSystemLoader(FONTS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters |= {
        "line": shortened,
        "cell": cell_text,
        "numeric": _numeric,
        "is_table": lambda drawing: isinstance(drawing, pd.DataFrame),
        "svg": _svg,
    }
    fonts = {weight: base64.b64encode((FONTS / name).read_bytes()).decode() for weight, name in WEIGHTS.items()}
    slides = [slide() for slide in deck.slides]
    return pages.get_template("slides.html").render(deck=deck, slides=slides, fonts=fonts).encode()


def _numeric(frame: pd.DataFrame) -> list[bool]:
    """Which columns hold nothing but numbers."""
    return [are_figures([cell_text(v) for v in frame.iloc[:, i]]) for i in range(len(frame.columns))]


def _svg(panel: Panel, slide: int, place: int, beside: Sequence[Panel]) -> Markup:
    """The picture as markup of the renderer's own, which escapes what it is given; its names are made unique."""
    assert isinstance(panel.drawing, Picture)
    width = (WIDTH - GAP * (len(beside) - 1)) * panel.width // sum(p.width for p in beside)
    drawn = on_slide(panel.drawing, "svg", width, HEIGHT, INK).decode()
    own = f"s{slide}p{place}-clip"
    return Markup(drawn.replace('id="clip', f'id="{own}').replace("url(#clip", f"url(#{own}"))  # noqa: S704

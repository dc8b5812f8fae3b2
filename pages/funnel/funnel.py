"""Where they enter, where they leave, and who goes on."""

from pages.ui.filters import funnel_choices
from pages.ui.layout import page_header

page_header("Funnel", "Where they enter, where they leave, and who goes on")
funnel_choices()

"""What every stage and every number means."""

from pages.ui.layout import page_header

page_header("Definitions", "What every stage and every number means")

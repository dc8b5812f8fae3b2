"""Whether the numbers can be trusted: what came in, what was used, what was set aside."""

from pages.ui.layout import page_header

page_header("Data health", "What came in, what was used, what was set aside, and how fresh it is")

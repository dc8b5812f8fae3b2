"""The state of the lifecycle in one screen."""

from pages.ui.layout import page_header

page_header("Overview", "The state of the lifecycle in one screen")

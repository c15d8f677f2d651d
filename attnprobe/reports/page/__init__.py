"""The interactive page: one HTML file in which a run is looked at and items are erased by hand.

It is made from a run's files alone, refers to nothing outside itself and asks for no server.
"""

from attnprobe.reports.page.content import BUDGET
from attnprobe.reports.page.page import Page
from attnprobe.reports.page.rendering import page_html

__all__ = ["BUDGET", "Page", "page_html"]

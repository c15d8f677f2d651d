"""The lines of a knock-out, over layers."""

import pytest

from attnprobe.analysis.bootstrap import Estimate
from attnprobe.analysis.knockout_map import OfRoute
from attnprobe.reports.knockout.lines_drawn import draw_lines
from attnprobe.settings.knockout import WHOLE


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_layers_are_counted_in_whole_numbers(layers):
    change = Estimate(-0.5, -0.6, -0.4, 3)
    routes = [
        OfRoute("rest", "last", layer, layer, layer, WHOLE, 1.0, change, change, change) for layer in range(layers)
    ]
    figure = draw_lines(routes, "one, two and six windows")
    figure.canvas.draw()
    ticks = figure.axes[0].get_xticks()
    assert len(ticks)
    assert all(tick == round(tick) for tick in ticks)

"""The panel of ΔJS against Δα, on results at the edge of what can be told from rounding."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.analysis.results import RunResults
from attnprobe.reports.page.marks import Marks
from attnprobe.reports.page.panels.delta_js import delta_js_panel
from tests.fixtures.page_runs import MadeRun, random_texts


@pytest.mark.parametrize("size", [0.0, 1e-18, 1e-14, 1e-12, 1e-9, 1e-3, 0.5])
def test_differences_of_every_size_make_a_panel(tmp_path, size):
    MadeRun(tmp_path / "run", random_texts([3, 5, 8, 4]))
    path = tmp_path / "run" / "items.parquet"
    items = pq.read_table(path)
    js = pa.array(size * np.random.default_rng(0).uniform(0, 1, len(items)))
    pq.write_table(items.set_column(items.schema.get_field_index("js"), "js", js), path)
    results = RunResults.load(tmp_path / "run")
    panel = delta_js_panel(results, Marks())
    assert panel is not None
    assert panel.cells
    assert all(0 <= cell.y <= 100 and 0 < cell.height <= 100 for cell in panel.cells)
    assert 0 <= panel.zero <= 100

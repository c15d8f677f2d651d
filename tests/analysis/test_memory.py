"""Peak memory of statistics does not grow with the number of documents; each run in a process of its own."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.fixtures.commands import environment
from tests.fixtures.kept_documents import repeat
from tests.fixtures.synthetic_runs import write_run

LIMIT, ITEMS = 10_000, 2_000

CODE = f"""
import json, resource, sys
from pathlib import Path
from attnprobe.analysis import statistics_sample
from attnprobe.analysis.results import RunResults
from attnprobe.analysis.summary import summarise
from attnprobe.reports.answer import answer
statistics_sample.STATISTICS_SAMPLE = {LIMIT}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
summary = summarise(RunResults.load(Path(sys.argv[1])))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([before, after, summary["counts"]]))
"""


def peak_of(folder, documents):
    """Peak memory of a summary beyond what imports take, and what it counts."""
    write_run(folder, np.random.default_rng(0).integers(1, 9, size=500))
    repeat(folder, documents // 500, np.random.default_rng(3).permutation(documents)[:ITEMS])
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder)], env=environment(), capture_output=True, text=True, check=True
    )
    before, after, counts = json.loads(done.stdout)
    return after - before, counts


@pytest.mark.slow
def test_twenty_times_as_many_documents_take_no_more_memory(tmp_path):
    at_the_limit, counts = peak_of(tmp_path / "some", LIMIT)
    assert counts["documents"] == counts["sampled"] == LIMIT
    beyond, counts = peak_of(tmp_path / "many", 20 * LIMIT)
    assert (counts["documents"], counts["sampled"]) == (20 * LIMIT, LIMIT)
    print(f"{at_the_limit / 1024:.0f} MB of {LIMIT:,} documents, {beyond / 1024:.0f} MB of {20 * LIMIT:,}")
    assert beyond <= 1.2 * at_the_limit

"""A version is measured against another one: what is printed is kept, and nothing else is left behind."""

import json
import os
import subprocess
import sys

import pytest

from tests.fixtures.commands import ROOT

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the history")


@pytest.fixture
def against(tmp_path):
    """Run it; afterwards see that nothing is left of where it worked."""
    folder = tmp_path / "temporary"
    folder.mkdir()

    def run(*arguments):
        line = [sys.executable, "-m", "benchmarks.against", "--pairs", "1", *map(str, arguments)]
        environment = {**os.environ, "TMPDIR": str(folder)}
        return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True)

    yield run
    listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert str(folder) not in listed.stdout
    assert list(folder.iterdir()) == []


def test_a_figure_is_printed_and_takes_the_place_of_the_earlier_one_of_the_same_work(against, tmp_path):
    path = tmp_path / "results" / "startup.json"
    path.parent.mkdir()
    path.write_text(json.dumps([{"work": "attnprobe --version", "ratio": 7}, {"work": "another", "ratio": 2}]))
    done = against("--json", path, "HEAD", "attnprobe", "--version")
    assert done.returncode == 0, done.stderr
    other, kept = json.loads(path.read_text())
    assert other == {"work": "another", "ratio": 2}
    assert kept["work"] == "attnprobe --version"
    assert kept["ratios"] == [kept["ratio"]] == [json.loads(done.stdout)["value"]]
    assert kept["ratio"] == pytest.approx(kept["seconds_before"] / kept["seconds_now"], abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-revision", "attnprobe", "--version"], "no-such-revision"),
        (["HEAD", "attnprobe", "no-such-command"], "ended with exit status 2"),
    ],
)
def test_what_cannot_be_measured_is_said_and_leaves_nothing(against, arguments, said):
    done = against(*arguments)
    assert done.returncode
    assert said in done.stderr
    assert "Traceback" not in done.stderr

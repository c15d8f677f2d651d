"""What commands that read results and data import: nothing that computes with tensors, or splits text."""

import os
import subprocess
import sys

import numpy as np

from attnprobe.data.datasets import load_dataset
from tests.fixtures.page_runs import MadeRun, random_texts

SCRIPT = """
import sys
from pathlib import Path
from attnprobe.cli import main
run, folder, data = sys.argv[1:]

def report():
    from attnprobe.runs.run_folder import RunFolder
    from attnprobe.stages.reporting import report
    report(RunFolder(Path(run)), print)

def figures():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure
    FigureCanvasAgg.print_png = lambda canvas, path, **_: Path(path).touch()  # a file takes a quarter of a second
    FigureCanvasPdf.print_pdf = FigureCanvasAgg.print_png
    Figure.draw_without_rendering = lambda figure: None
    main(["figures", folder, "--out", "figures"])

COMMANDS = {
    "list": lambda: main(["list", "--data-dir", "."]),
    "describe": lambda: main(["describe", data]),
    "show": lambda: main(["show", run, "2"]),
    "claims": lambda: main(["claims", folder, "--out", "claims"]),
    "compare": lambda: main(["compare", folder, "--out", "compare"]),
    "figures": figures,
    "report": report,
}
for name, command in COMMANDS.items():
    status = command()
    loaded = sorted({"torch", "spacy", "transformers", "scipy.stats", "scipy.optimize"} & sys.modules.keys())
    print("loaded:", name, status or 0, *loaded)
"""


def test_results_and_data_are_read_without_torch_and_spacy(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "runs" / "seed-0"
    MadeRun(folder, random_texts(np.full(8, 5)), seed=3)
    data = tmp_path / "planted"
    data.mkdir()
    for split in ("train", "test"):
        (data / f"{split}.tsv").write_text("category\ttokens\n" + "a\tone two\nb\tthree four\n" * 4, encoding="utf-8")
    load_dataset(str(data))  # its text is split here, once
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, tmp_path / "runs", data],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    said = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("loaded:")]
    assert said == [[name, "0"] for name in ("list", "describe", "show", "claims", "compare", "figures", "report")], (
        done.stderr
    )

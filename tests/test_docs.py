"""The code in the documentation runs, and the README's commands are what continuous integration runs."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

import attnprobe
from attnprobe.analysis.registered_statistics import OWN_STATISTICS
from attnprobe.erasure.registered_measurements import OWN_MEASUREMENTS
from attnprobe.models.pooled.attention import AdditiveAttention, pool
from tests.fixtures.synthetic_runs import write_run
from tests.settings_page import PAGE, page

ROOT = Path(__file__).resolve().parents[1]


def blocks(name, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.head = AdditiveAttention(4), torch.nn.Linear(4, 3)

    def forward(self, batch):
        values, mask = batch
        return self.head(pool(self.attention(values, mask), values))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "seed-0"
    write_run(folder, [1, 2, 5, 8, 3, 4, 6, 7, 2, 9])
    return folder


RECIPES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "how-to").glob("*.md"))


@pytest.mark.parametrize("name", ["docs/library.md", "docs/explanations.md", "docs/using.md", "README.md", *RECIPES])
def test_python_blocks_run(name, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    model, values = Model(), torch.randn(2, 5, 4)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    weights = model.attention(values, mask).detach()
    gradients = torch.randn(2, 5) * mask
    names = {"model": model, "values": values, "mask": mask, "weights": weights, "gradients": gradients}
    names |= {"batch": (values, mask), "document_ids": torch.arange(2), "results": attnprobe.load_run(finished)}
    for seed in (0, 1):
        shutil.copytree(finished, tmp_path / "runs" / "docstrings" / "flan-rnn" / f"seed-{seed}")
    code = blocks(name, "python")
    assert code or name in ("docs/how-to/index.md", "docs/how-to/again.md")
    for block in code:
        exec(compile(block, name, "exec"), names)
    plt.close("all")


def cells(name):
    """The code of a notebook, without what is for the kernel."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    found = re.findall(r"```{code-cell}\n(?::tags:[^\n]*\n)?(.*?)```", text, re.DOTALL)
    return [cell for cell in found if not cell.startswith(("!", "%"))]


@pytest.mark.parametrize(
    "name",
    [
        "start/figure.md",
        "start/own_model.md",
        pytest.param("start/customer.md", marks=pytest.mark.slow),
    ],
)
def test_notebooks_run(name, tmp_path, monkeypatch, capsys):
    """Without a shell, and nothing is written where they stand; the site's build runs them in a kernel."""
    monkeypatch.chdir(tmp_path)
    names = {}
    lines = 0
    for cell in cells(name):
        exec(compile(cell, name, "exec"), names)
        lines += len([line for line in cell.splitlines() if line.strip()])
    plt.close("all")
    assert list(tmp_path.iterdir()) == []
    if name == "start/figure.md":
        assert "Does attention explain this model?" in capsys.readouterr().out
        assert lines <= 20


def links(path):
    """What a page links to, without what is elsewhere in the world, and without code."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if not target.startswith(("http:", "https:", "mailto:")):
            yield target


def anchors(path):
    """The anchors of a page's headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    """Minutes: its notebooks are run in kernels of their own."""
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gallery.html").exists()


@pytest.mark.parametrize("folder", [".", "docs"])
def test_links_lead_somewhere(folder):
    pages = sorted((ROOT / folder).glob("*.md" if folder == "." else "**/*.md"))
    assert pages
    for one in pages:
        for target in links(one):
            path, _, anchor = target.partition("#")
            to = (one.parent / path).resolve() if path else one
            assert to.exists(), f"{one.relative_to(ROOT)}: {target}"
            if anchor and to.suffix == ".md":
                assert anchor in set(anchors(to)), f"{one.relative_to(ROOT)}: {target}"


def test_every_page_is_in_the_site_and_every_public_name_in_its_reference():
    docs = ROOT / "docs"
    listed = {"index"}
    for one in docs.rglob("*.md"):
        for tree in re.findall(r"```{toctree}\n(.*?)```", one.read_text(encoding="utf-8"), re.DOTALL):
            for line in tree.splitlines():
                if line and not line.startswith(":"):
                    listed.add(str((one.parent / line).resolve().relative_to(docs)))
    pages = {str(one.relative_to(docs).with_suffix("")) for one in docs.rglob("*.md")}
    assert {name for name in pages if not name.startswith("results/")} == listed
    reference = (docs / "reference" / "api.md").read_text(encoding="utf-8")
    assert (
        sorted(re.findall(r"^\.\. auto(?:class|function|data):: (\w+)$", reference, re.MULTILINE)) == attnprobe.__all__
    )


def test_the_run_folder_page_names_every_column_that_is_measured_and_every_statistic():
    page = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    columns = [column for measurement in OWN_MEASUREMENTS.values() for column in measurement.columns]
    assert [name for name in (*columns, *OWN_STATISTICS) if f"`{name}`" not in page] == []


def test_the_page_of_settings_says_what_is_declared():
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "python -m tests.settings_page writes it"


def test_the_readme_opens_with_two_commands_of_one_line():
    first, second = blocks("README.md", "sh")[:2]
    assert first.strip().endswith("attnprobe run")
    assert "pytest" in second
    assert all(len(block.strip().splitlines()) == 1 for block in (first, second))


def test_the_gallery_has_every_figure():
    from attnprobe.reports.figures import FIGURES, IDENTIFIABILITY_FIGURES
    from attnprobe.reports.knockout.files import FIGURES as OF_KNOCKOUTS

    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"attnprobe\.plots\.(\w+)\(", text)) | set(re.findall(r"\]\([\w/]*?(\w+)\.png\)", text))
    assert {*FIGURES, *IDENTIFIABILITY_FIGURES, *OF_KNOCKOUTS} - {"output_moves"} <= shown  # it needs a regressor
    assert "`output_moves`" in text

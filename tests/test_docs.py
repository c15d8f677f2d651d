"""The code in the documentation runs, and the README's commands are what continuous integration runs."""

import re
from pathlib import Path

import pytest
import torch

from attnprobe.analysis.registered_statistics import OWN_STATISTICS
from attnprobe.erasure.registered_measurements import OWN_MEASUREMENTS
from attnprobe.models.pooled.attention import AdditiveAttention, pool
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


@pytest.mark.parametrize("name", ["docs/library.md", "docs/explanations.md", "README.md"])
def test_python_blocks_run(name):
    torch.manual_seed(0)
    model, values = Model(), torch.randn(2, 5, 4)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    weights = model.attention(values, mask).detach()
    gradients = torch.randn(2, 5) * mask
    names = {"model": model, "values": values, "mask": mask, "weights": weights, "gradients": gradients}
    names |= {"batch": (values, mask), "document_ids": torch.arange(2)}
    code = blocks(name, "python")
    assert code
    for block in code:
        exec(compile(block, name, "exec"), names)


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

"""Result objects show themselves in a notebook as the page does."""

import torch

import attnprobe
from attnprobe.analysis.results import RunResults
from tests.fixtures.synthetic_runs import write_run


def test_the_result_of_a_probe_shows_itself():
    torch.manual_seed(0)
    encoder = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, batch_first=True), 2)
    shown = attnprobe.probe(encoder, [{"src": torch.randn(4, 6, 8)}])._repr_html_()
    assert shown.lstrip().startswith("<iframe")
    assert "sandbox" in shown


def test_the_results_of_a_run_show_themselves(tmp_path):
    write_run(tmp_path, [5, 9, 3, 7] * 5)
    shown = RunResults.load(tmp_path)._repr_html_()
    assert shown.lstrip().startswith("<iframe")

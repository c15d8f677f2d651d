"""The correlations of runs beside those that were released."""

import pandas as pd
import pytest

from attnprobe.papers.jain2019.published import ENCODERS, PUBLISHED, STANDS_FOR
from attnprobe.papers.jain2019.tables import beside_released
from attnprobe.settings.kinds import NETWORKS
from tests.fixtures.commands import ROOT, run_script
from tests.papers.jain2019.test_claims import as_published

SCRIPT = ROOT / "figures" / "jain2019" / "correlations.py"


def test_all_their_models_and_datasets_have_names_here():
    assert {f"jain-{encoder}" for encoder in NETWORKS["jain"].encoders} == set(ENCODERS)
    assert set(STANDS_FOR.values()) < {row.dataset for row in PUBLISHED}
    assert len(PUBLISHED) == len({row[:2] for row in PUBLISHED}) == 12


def test_the_released_pattern_is_what_the_claims_say():
    """Average above CNN above BiLSTM for attention and gradient in all four datasets."""
    for dataset in {row.dataset for row in PUBLISHED}:
        lstm, cnn, average = (row for row in PUBLISHED if row.dataset == dataset)
        assert average.tau_attention_gradient > cnn.tau_attention_gradient > lstm.tau_attention_gradient
        assert average.tau_attention_leave_one_out > cnn.tau_attention_leave_one_out
        assert lstm.tau_gradient_leave_one_out > lstm.tau_attention_leave_one_out
        assert lstm.tau_attention_gradient < 0.5
    above = [
        cnn.tau_attention_leave_one_out > lstm.tau_attention_leave_one_out
        for lstm, cnn in zip(PUBLISHED[::3], PUBLISHED[1::3], strict=True)
    ]
    assert sum(above) == 2


def test_one_command_draws_everything(tmp_path):
    as_published(tmp_path / "runs")
    as_published(tmp_path / "runs", seed=1)
    status, out, errors = run_script(SCRIPT, tmp_path / "runs", "--out", tmp_path / "paper")
    assert status == 0, errors
    assert sorted(map(str, (tmp_path / "paper").iterdir())) == sorted(out.splitlines())
    runs = pd.read_csv(tmp_path / "paper" / "runs.csv")
    assert len(runs) == 6
    rows = beside_released(runs)
    assert [len(row["seeds"]) for row in rows] == [2, 2, 2, *[0] * 9]
    markdown = (tmp_path / "paper" / "correlations.md").read_text()
    assert "| SST | sst2 | CNN | 0.477 | 0.470 [" in markdown
    assert "; 0.470 |" in markdown
    assert "| AG News | – | average | 0.770 | – |" in markdown
    assert (tmp_path / "paper" / "figure_correlations.png").stat().st_size > 5000
    assert pd.read_csv(tmp_path / "paper" / "correlations.csv")["released_auc"].tolist() == [
        row.auc for row in PUBLISHED
    ]


@pytest.mark.parametrize(("folder", "words"), [(".", "no finished run"), ("nowhere", "is not a folder")])
def test_a_folder_without_runs_is_one_sentence(tmp_path, folder, words):
    status, _, errors = run_script(SCRIPT, tmp_path / folder, "--out", tmp_path / "paper")
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert words in errors

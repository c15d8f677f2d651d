"""What installed packages offer, a dataset and a kind of model here, is used like attnprobe's own, in every process."""

import sys

import pyarrow.parquet as pq
import pytest

from attnprobe.cli import main
from attnprobe.data.known_datasets import DATASETS
from attnprobe.settings.kinds import KINDS, kind_of
from tests.fixtures.commands import planted_folder
from tests.fixtures.plugins import attnprobe_with, offered

CODE = """
from pathlib import Path

import attnprobe
from attnprobe.models.pooled.architectures import POOLED
from attnprobe.models.pooled.subject import PooledSubject

folder = Path(__file__).parent / "planted"
planted = attnprobe.NamedDataset("made elsewhere", lambda _: "elsewhere-planted", lambda _: folder)


class Bag(PooledSubject):
    def made(self):
        return POOLED["flan-none"](len(self.vocabulary), len(self.dataset.labels), self.configuration.settings.dropout)


bag = attnprobe.Kind("bag, a bag of words", lambda model: model == "bag", "elsewhere:Bag", ("dropout",))
"""

OFFERED = {
    "attnprobe.datasets": {"elsewhere-planted": "elsewhere:planted"},
    "attnprobe.models": {"elsewhere-bag": "elsewhere:bag"},
}


def offer(site, groups, code):
    for group, points in groups.items():
        offered(site, "elsewhere", "1.2", points, {"elsewhere": code}, group)


@pytest.fixture
def site(tmp_path):
    offer(tmp_path / "site", OFFERED, CODE)
    planted_folder(tmp_path / "site" / "planted", train=40, test=12)
    return tmp_path / "site"


def test_a_dataset_and_a_kind_of_model_of_another_package_make_a_run(site, tmp_path):
    model = ("--dataset", "elsewhere-planted", "--model", "bag", "--epochs", "1", "--workers", "2")
    status, _, errors = attnprobe_with(site, "run", *model, cwd=tmp_path)
    assert status == 0, errors
    folder = tmp_path / "runs" / "elsewhere-planted" / "bag" / "seed-0"
    assert pq.read_table(folder / "documents.parquet").num_rows == 12
    status, said, errors = attnprobe_with(site, "verify", folder, "--documents", 4, cwd=tmp_path)
    assert status == 0, said + errors


@pytest.fixture
def found(monkeypatch):
    """Make this process find a package as a fresh one does."""

    def find(site):
        monkeypatch.syspath_prepend(site)
        for registry in (KINDS, DATASETS):
            monkeypatch.setattr(registry, "_offered", None)
        monkeypatch.delitem(sys.modules, "elsewhere", raising=False)

    return find


def test_lists_say_what_is_offered_and_by_whom(site, found, capsys):
    found(site)
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert "elsewhere-planted    made elsewhere" in said
    assert "bag, a bag of words (elsewhere 1.2)" in said


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("raise SystemExit(3)", "'elsewhere-bag' of elsewhere 1.2 cannot be loaded: SystemExit: 3."),
        ("bag = 3", "What elsewhere 1.2 offers as the kind of model 'elsewhere-bag' is none: it is no attnprobe.Kind"),
        (
            "import attnprobe\nbag = attnprobe.Kind('', str, 'a:b', ())",
            "its description is no text of 1 to 200 characters",
        ),
        (
            "import attnprobe\nbag = attnprobe.Kind('bag', str, 'a:b', ('depth',))",
            "its sections are among word2vec, dropout, attention, transformer",
        ),
    ],
)
def test_what_cannot_be_used_is_one_sentence_that_names_the_package(tmp_path, found, capsys, code, fault):
    offer(tmp_path, {"attnprobe.models": OFFERED["attnprobe.models"]}, code)
    found(tmp_path)
    assert main(["list"]) == 2
    errors = capsys.readouterr().err
    assert fault in errors
    assert len(errors.splitlines()) == 1


def test_own_models_need_no_package_that_cannot_be_loaded(tmp_path, found):
    offer(tmp_path, {"attnprobe.models": OFFERED["attnprobe.models"]}, "raise SystemExit(3)")
    found(tmp_path)
    assert kind_of("flan-rnn").units == ("word",)
    assert kind_of("hf:x").units == ("token", "word")

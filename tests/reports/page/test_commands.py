"""`attnprobe run`, `report` and `show` as their users run them."""

import webbrowser

import pytest

from attnprobe.cli import main
from tests.fixtures.commands import planted_folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    data = planted_folder(folder / "planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        for model in ("flan-none", "han-none"):
            chosen = ["--dataset", str(data), "--model", model, "--epochs", "1", "--out", str(folder / "runs")]
            assert main(["run", *chosen]) == 0
    return folder / "runs" / "planted"


def test_a_run_ends_with_its_page(runs):
    for model in ("flan-none", "han-none"):
        text = (runs / model / "seed-0" / "report.html").read_text(encoding="utf-8")
        assert f"planted · {model} · seed 0" in text


def test_reports_of_several_runs_make_one_page_above_them(runs, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    folders = [runs / model / "seed-0" for model in ("flan-none", "han-none")]
    before = (folders[0] / "report.html").read_bytes()
    assert main(["report", *map(str, folders), "--open"]) == 0
    assert f"Side by side: {runs / 'report.html'}" in capsys.readouterr().out
    text = (runs / "report.html").read_text(encoding="utf-8")
    assert "flan-none" in text
    assert "han-none" in text
    assert opened == [(runs / "report.html").as_uri()]
    assert (folders[0] / "report.html").read_bytes() == before


def test_show_prints_a_document(runs, capsys):
    assert main(["show", str(runs / "flan-none" / "seed-0"), "3"]) == 0
    out = capsys.readouterr().out
    assert "document 3:" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("arguments", [("flan-none/seed-0", "3000"), ("nowhere", "1")])
def test_show_refuses_what_is_not_there(runs, capsys, arguments):
    folder, document = arguments
    assert main(["show", str(runs / folder), document]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert len(said.err.strip().splitlines()) == 1

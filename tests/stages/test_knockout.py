"""A knock-out from prompts to files: what a call gives, what a command writes, and that a stopped one goes on."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import attnprobe
from attnprobe.analysis.knockout_map import MATTERS, routes_of, screened
from attnprobe.base.errors import InputError
from attnprobe.cli import main
from attnprobe.data.prompts import Prompts
from attnprobe.models.huggingface import knocked_out
from attnprobe.models.huggingface.loading import load_checkpoint
from attnprobe.reports.knockout import files
from attnprobe.reports.knockout.lines_drawn import draw_lines
from attnprobe.reports.knockout.matrix_drawn import draw_matrix
from attnprobe.settings.knockout import KnockoutSettings
from attnprobe.stages.knockout import Setup
from tests.fixtures import checkpoints

PROMPTS = [
    {"prompt": "word0 word1 word2 café was", "subject": "word1", "rival": "a"},
    {"prompt": "pieces of words cross nothing", "subject": "words", "rival": "b"},
    {"prompt": "loved it and loved words", "subject": "it", "rival": "c"},
    {"prompt": "it was naïve", "subject": "it", "rival": "d"},
]
SOURCES = ["subject", "rest", "last"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkpoints.save(tmp_path_factory.mktemp("models") / "gpt2", checkpoints.gpt2, checkpoints.byte_level)


@pytest.fixture(scope="module")
def prompts(folder):
    path = folder.parent / "prompts.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in PROMPTS))
    return path


@pytest.fixture(scope="module")
def loaded(folder):
    checkpoint = load_checkpoint(str(folder))
    return checkpoint.model, checkpoint.tokenizer


@pytest.fixture(scope="module")
def result(loaded):
    return attnprobe.knockout(
        loaded[0], loaded[1], PROMPTS, SOURCES, ["last", "subject"], by_head=True, rival="rival", screen=3
    )


def test_a_call_gives_what_cutting_the_edges_of_single_prompts_gives(loaded, result):
    model, tokenizer = loaded
    attached = attnprobe.AttachedModel(model, tokenizer([PROMPTS[0]["prompt"]], return_tensors="pt"))
    for number in (0, 2):
        row = PROMPTS[number]
        inputs = tokenizer([row["prompt"]], return_tensors="pt")
        subject, last = (attnprobe.token_positions(tokenizer, [row], name) for name in ("subject", "last"))
        sources = {"subject": subject, "last": last, "rest": ~(subject | last)}
        with torch.no_grad():
            before = torch.log_softmax(model(**inputs).logits[0, -1].double(), -1)
        of = result.map[(result.map["document"] == number) & (result.map["target"] == "last")]
        for cut in of.iloc[::4].itertuples():
            heads = "all" if cut.head == -1 else str(cut.head)
            edges = last[:, :, None] & sources[cut.source][:, None]
            with torch.no_grad(), attached.erasing(edges=edges, layers=str(cut.first_layer), heads=heads):
                after = torch.log_softmax(model(**inputs).logits[0, -1].double(), -1)
            decision, rival = int(before.argmax()), tokenizer.convert_tokens_to_ids(result.prompts["rival"][number])
            assert cut.edges == int(edges.sum())
            assert cut.delta_log_probability == pytest.approx(float(after[decision] - before[decision]), abs=1e-5)
            assert cut.delta_rival == pytest.approx(float(after[rival] - before[rival]), abs=1e-5)
            assert cut.flipped == (int(after.argmax()) != decision)


def test_every_route_and_every_prompt_is_there_once(result):
    keys = ["document", "source", "target", "first_layer", "last_layer", "head"]
    assert len(result.map) == len(PROMPTS) * 3 * 2 * 2 * 3
    assert not result.map.duplicated(keys).any()
    assert result.prompts["prompt"].tolist() == [row["prompt"] for row in PROMPTS]
    assert [rival.strip("Ġ") for rival in result.prompts["rival"]] == ["a", "b", "c", "d"]
    backwards = result.map[(result.map["source"] == "last") & (result.map["target"] == "subject")]
    assert not backwards[["edges", "delta_log_probability"]].to_numpy().any()  # the future is not attended to


def test_routes_are_means_over_prompts_with_intervals(result):
    routes = routes_of(result.map)
    assert len(routes) == 3 * 2 * 2 * 3
    one = next(r for r in routes if (r.source, r.target, r.first_layer, r.head) == ("rest", "last", 1, -1))
    of = result.map.query("source == 'rest' and target == 'last' and first_layer == 1 and head == -1")
    assert one.delta_log_probability.value == pytest.approx(of["delta_log_probability"].mean())
    assert one.delta_log_probability.low <= one.delta_log_probability.value <= one.delta_log_probability.high
    assert one.flipped.value == of["flipped"].mean()
    assert one.delta_log_probability.n == len(PROMPTS)
    assert len(result.routes()) == len(routes)


def test_figures_show_every_route_of_all_heads(result, tmp_path):
    written = {path.name for path in result.save(tmp_path)}
    assert {"knockout_lines.png", "knockout_lines.pdf", "knockout_matrix.png"} <= written
    routes = routes_of(result.map)
    lines = draw_lines(routes, "gpt2")
    drawn = [line for axes in lines.axes for line in axes.lines if line.get_marker() == "o"]
    assert len(drawn) == 6  # sources × targets
    expected = {(r.source, round(r.delta_log_probability.value, 12)) for r in routes if r.head == -1}
    assert {(line.get_label(), round(float(y), 12)) for line in drawn for y in np.asarray(line.get_ydata())} == expected
    mesh = draw_matrix(routes, "gpt2").axes[0].collections[0].get_array()
    assert np.ma.count(mesh) == len(routes)


def test_misses_of_a_screen_are_counted_in_the_drawn_edges_alone():
    table = pd.DataFrame(
        {
            "delta_log_probability": [-1.0, -1.0, 0.0, -1.0, MATTERS],
            "first_order": [-1.0, 0.1, 0.0, -0.9, 0.0],
            "top": [True, False, False, True, False],
            "sampled": [False, True, True, True, True],
        }
    )
    found = screened(table)
    assert found[:4] == (2, 2, 4, 3)
    assert (found.missed.value, found.missed.n) == (0.5, 4)


def command(folder, prompts, out, *further):
    return main(["knockout", str(folder), "--prompts", str(prompts), "--sources", "subject,rest,last", "--rival",
                 "rival", "--out", str(out), *further])  # fmt: skip


def content(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix not in (".lock",)}


def test_a_stopped_command_goes_on_and_gives_the_same_files(folder, prompts, tmp_path, monkeypatch, capsys):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    monkeypatch.setattr(files, "save", lambda figure, folder, name: [])  # half a second each
    monkeypatch.setattr(knocked_out.KnockedOut, "groups", lambda self: [np.array([2, 0]), np.array([3, 1])])
    assert command(folder, prompts, whole) == 0
    cut, calls = knocked_out.KnockedOut.of, []

    def once(self, numbers):
        calls.append(numbers.tolist())
        if len(calls) == 2:
            raise KeyboardInterrupt
        return cut(self, numbers)

    monkeypatch.setattr(knocked_out.KnockedOut, "of", once)
    assert command(folder, prompts, stopped) == 130
    assert not (stopped / "knockout.parquet").exists()
    assert command(folder, prompts, stopped) == 0
    assert calls == [[2, 0], [3, 1], [3, 1]]
    assert content(stopped) == content(whole)
    assert not (stopped / "parts").exists()
    assert command(folder, prompts, stopped) == 0  # what is finished is not computed again
    assert len(calls) == 3
    assert command(folder, prompts, stopped, "--window", "2") == 2
    assert "holds a knock-out with other settings" in capsys.readouterr().err
    assert command(folder, prompts, stopped, "--window", "2", "--force") == 0
    summary = json.loads((stopped / "summary.json").read_text())
    assert [(r["first_layer"], r["last_layer"]) for r in summary["routes"][:2]] == [(0, 1), (1, 1)]
    assert {"knockout.csv", "knockout.tex", "knockout.md", "prompts.parquet"} <= set(content(stopped))


@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        (["--sources", "subjct"], "'subjct' names no position"),
        (["--sources", "first:nothing"], "Prompt 0 does not hold the word 'nothing'"),
        (["--window", "2-1"], "--window 2-1: '2-1' is no window"),
        (["--window", "0"], "is no window"),
        (["--layers", "7"], "--layers 7: there is no 7"),
        (["--erase-by", "resample"], "--erase-by resample: a knock-out takes weights away"),
        (["--erase-by", "nothing"], "nothing"),
        (["--rival", "unbelievably long"], "The rival 'unbelievably long' is not one token"),
        (["--prompts", "none.jsonl"], "none.jsonl: the file cannot be read"),
        (["--screen", "-1"], "--screen must be"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(folder, prompts, tmp_path, capsys, further, sentence):
    assert command(folder, prompts, tmp_path / "out", *further) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out" / "knockout.parquet").exists()


def test_calls_that_cannot_be_are_refused(loaded):
    for arguments, sentence in (
        ((PROMPTS, "subject"), "lists of names"),
        (([], ["all"]), "no prompts"),
        ((["long " * 60], ["all"]), "Prompt 0 is longer than the model takes"),
    ):
        with pytest.raises(InputError, match=sentence):
            attnprobe.knockout(*loaded, *arguments)
    with pytest.raises(TypeError):
        attnprobe.knockout(torch.nn.Linear(2, 2), loaded[1], PROMPTS)


@pytest.mark.slow
def test_a_decoder_is_cut_off_from_the_text_it_answers(tmp_path):
    checkpoint = load_checkpoint(str(checkpoints.save(tmp_path / "t5", checkpoints.t5, checkpoints.unigram)))
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    found = attnprobe.knockout(model, tokenizer, PROMPTS[:2], ["subject", "rest"], ["last"], layers="cross:all")
    assert set(found.map["first_layer"]) == {0, 1}
    assert (found.map["edges"] > 0).all()
    with pytest.raises(InputError, match="'subject' is of the prompt, and these rows are the answer's"):
        attnprobe.knockout(model, tokenizer, PROMPTS[:2], ["rest"], ["subject"], layers="cross:all")
    # A name of both sides is of the prompt among the sources, and of the answer among the targets.
    both = attnprobe.knockout(model, tokenizer, PROMPTS[:2], ["last", "subject"], ["last"], layers="cross:all").map
    alone = found.map[found.map["source"] == "subject"]
    of_subject = both[both["source"] == "subject"]
    assert of_subject["delta_log_probability"].tolist() == pytest.approx(
        alone["delta_log_probability"].tolist(), abs=1e-5
    )
    assert (both[both["source"] == "last"]["edges"] == 1).all()


def test_what_the_results_are_made_from_is_told_of_prompts_with_half_characters():
    """JSON may hold halves of surrogate pairs, in columns that nobody names."""
    told = [
        Setup.of("model", "hash", Prompts.of([{"prompt": "a", **columns}]), KnockoutSettings()).prompts
        for columns in ({"note": "\ud800"}, {"note": "\ud801"}, {"\ud800": "b"})
    ]
    assert len(set(told)) == 3


@pytest.mark.parametrize("sources", ["first", None])
def test_sources_that_are_no_list_are_refused(loaded, sources):
    with pytest.raises(InputError, match="are lists of names"):
        attnprobe.knockout(loaded[0], loaded[1], ["it was"], sources)


def test_a_model_in_the_place_of_a_tokenizer_is_told(loaded):
    with pytest.raises(TypeError, match="A tokenizer of transformers is needed first, not GPT2LMHeadModel"):
        attnprobe.token_positions(loaded[0], ["it was"], "first")

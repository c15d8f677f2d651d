"""A way of erasing and a decision of other packages, those of docs/extending.md, from the door to the page."""

import json
import re
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from attnprobe.analysis.results import RunResults
from attnprobe.erasure.registered_ways import OWN
from attnprobe.reports.figures.frame import title
from tests.fixtures.commands import attnprobe, planted_folder
from tests.fixtures.plugins import attnprobe_with, documented, offered

WAY, WAY_OF = "Halve", "attnprobe-halve 0.1.0"
DECISION, DECISION_OF = "The top class has more than 90 %", "attnprobe-confident 0.2.0"
CHOSEN = ("--erase-by", "halve", "--decision", "confident")
TABLES = ("documents", "erasures", "items")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    documented(folder, "A way of erasing", *WAY_OF.split())
    return documented(folder, "A decision", *DECISION_OF.split())


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    base = tmp_path_factory.mktemp("runs of other meanings")
    planted_folder(base / "planted", train=200, test=24)
    return base


def arguments(base, out, *more):
    model = ("--model", "flan-none", "--epochs", 1, "--learning-rate", 0.01)
    return ("run", "--dataset", base / "planted", *model, "--out", base / out, *more)


@pytest.fixture(scope="module")
def run(site, base):
    """(folder, what was said) of a run with both, in two processes."""
    status, out, errors = attnprobe_with(site, *arguments(base, "other", *CHOSEN, "--workers", 2), cwd=base)
    assert status == 0, errors
    return base / "other" / "planted" / "flan-none" / "seed-0", out


def copied(run, folder):
    """A copy of a run."""
    shutil.copytree(run[0], folder)
    return folder


def probed_anew(run, folder):
    """A copy of a run that is trained and not probed."""
    copied(run, folder)
    for table in TABLES:
        (folder / f"{table}.parquet").unlink()
    return folder


def in_one_line(text):
    return " ".join(text.split())


def test_the_list_says_title_package_and_version(site, tmp_path):
    status, out, _ = attnprobe_with(site, "list", cwd=tmp_path)
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert WAY in lines["halve"]
    assert f"({WAY_OF})" in lines["halve"]
    assert f"{DECISION} ({DECISION_OF})" in lines["confident"]
    assert "attnprobe-" not in lines["renormalise"] + lines["class"]


def test_results_are_of_the_way_and_the_decision(run):
    """First flips along the erased order, made of the table of items and the readout that the model has."""
    documents, erasures, items = (pd.read_parquet(run[0] / f"{name}.parquet") for name in TABLES)
    assert set(documents["decision"]) == {0, 1}
    assert (documents["label"] == -1).all()
    assert not any(str(name).startswith("contribution_") for name in items)
    assert "oracle" not in set(erasures["ordering"])
    assert documents["p_decision"].between(0, 1).all()
    assert (documents["p_decision"][documents["decision"] == 1] > 0.9).all()
    model = load_file(run[0] / "model.safetensors")
    embedding, weight, bias = (model[name] for name in ("embedding.weight", "head.weight", "head.bias"))
    words = (run[0] / "vocabulary.txt").read_text().splitlines()
    numbers = {word: len(embedding) - len(words) + row for row, word in enumerate(words)}
    flipped = 0
    for number, rows in items.groupby("document"):
        known = [numbers.get(token.lower()) for token in rows["token"]]
        if None in known:
            continue
        order = torch.tensor(rows["rank_attention"].to_numpy())
        halved = torch.where(order >= torch.arange(len(rows) + 1)[:, None], 1.0, 0.5)
        kept = torch.tensor(rows["weight"].to_numpy()) * halved
        logits = kept @ (embedding[known] @ weight.T).double() + bias.double()
        decided = (logits.softmax(-1).amax(-1) > 0.9).int().tolist()
        found = erasures[(erasures["document"] == number) & (erasures["ordering"] == "attention")]["removed"].item()
        assert decided[0] == documents[documents["document"] == number]["decision"].item()
        assert found == next((removed for removed, each in enumerate(decided) if each != decided[0]), -1)
        flipped += found > 0
    assert flipped


def test_the_run_says_what_is_meant_and_where_it_came_from(run):
    config, summary = (json.loads((run[0] / name).read_text()) for name in ("config.json", "summary.json"))
    (way, way_version), (decision, decision_version) = WAY_OF.split(), DECISION_OF.split()
    told = {"halve": {"title": WAY, "package": way, "version": way_version}}
    decided = {"confident": {"title": DECISION, "package": decision, "version": decision_version}}
    for content in (config, summary):
        assert content["erasing"] == told
        assert content["decisions"] == decided
    assert (config["settings"]["erase_by"], config["settings"]["decision"]) == ("halve", "confident")
    assert summary["classes"] == {"0": "not confident", "1": "confident"}
    assert "readout_bias" not in summary
    assert summary["accuracy"] is None


def test_answer_methods_captions_figures_and_page_say_it(run):
    folder, out = run
    sentences = (f"not to renormalise, but “{WAY}” ({WAY_OF})", f"not the class, but “{DECISION}” ({DECISION_OF})")
    page = in_one_line((folder / "report.html").read_text())
    for sentence in sentences:
        assert sentence in in_one_line(out)
        assert sentence in page
    assert "readout is not affine" not in page
    methods = in_one_line((folder / "methods.txt").read_text())
    assert f"change its row of attention by “{WAY}” ({WAY_OF})" in methods
    assert f"The decision is “{DECISION}” ({DECISION_OF})" in methods
    assert "argmax" not in methods
    for table in (folder / "tables").glob("*.tex"):
        assert f"erased by “{WAY}”" in in_one_line(table.read_text())
    words = in_one_line(title(RunResults.load(folder), 24, 3.0))
    assert f"erased by “{WAY}” · decision “{DECISION}”" in words
    status, shown, _ = attnprobe("show", folder, 0, cwd=folder.parent)
    assert status == 0
    assert all(sentence in in_one_line(shown) for sentence in sentences)
    assert "The model decides confident" in shown or "The model decides not confident" in shown


def test_it_is_verified_with_the_packages_and_without_them_one_sentence_says_what_is_missing(run, site, tmp_path):
    status, out, errors = attnprobe_with(site, "verify", run[0], "--documents", 8, cwd=tmp_path)
    assert status == 0, out + errors
    assert f"verified: the way of erasing halve is of {WAY_OF}: the reference calls it" in out
    assert f"verified: the decision confident is of {DECISION_OF}: the reference calls it" in out
    status, out, _ = attnprobe("verify", run[0], cwd=tmp_path)
    assert status == 1
    (failed,) = [line for line in out.splitlines() if "failed" in line]
    assert f"made with the way of erasing halve, which {WAY_OF} offers, a package that is not installed here." in failed


@pytest.mark.parametrize("column", ["removed", "decision", "js"])
@pytest.mark.samples(1)
def test_a_changed_number_is_found(run, site, column, tmp_path):
    folder = copied(run, tmp_path / "seed-0")
    path = folder / {"removed": "erasures.parquet", "decision": "documents.parquet", "js": "items.parquet"}[column]
    table = pq.read_table(path)
    rows = table.to_pandas()
    if column == "removed":
        changed = rows["removed"] > 1
        rows.loc[changed, "removed"] -= 1
        rows.loc[changed, "fraction"] = rows["removed"] / rows["n"]
    else:
        rows[column] = 1 - rows[column] if column == "decision" else rows[column] / 2
    made = type(table).from_pandas(rows, schema=table.schema, preserve_index=False)
    pq.write_table(made.replace_schema_metadata(table.schema.metadata), path, write_page_checksum=True)
    status, out, _ = attnprobe_with(site, "verify", folder, "--documents", 4, cwd=tmp_path)
    assert status == 1
    assert f"{column} is" in out.splitlines()[-1]


def test_a_run_is_reported_when_its_packages_are_gone_and_not_probed_on(run, tmp_path):
    folder = copied(run, tmp_path / "seed-0")
    page = (folder / "report.html").read_bytes()
    status, out, errors = attnprobe("report", folder, cwd=tmp_path)
    assert (status, errors) == (0, "")
    assert WAY in in_one_line(out)
    assert DECISION in in_one_line(out)
    assert (folder / "report.html").read_bytes() == page
    tables = {name: (folder / f"{name}.parquet").read_bytes() for name in TABLES}
    status, _, errors = attnprobe("probe", folder, cwd=tmp_path)
    assert status == 2
    assert len(errors.splitlines()) == 1
    assert WAY_OF in errors
    assert {name: (folder / f"{name}.parquet").read_bytes() for name in TABLES} == tables


def test_what_is_installed_and_not_chosen_changes_no_byte(site, base):
    status, _, errors = attnprobe_with(site, *arguments(base, "with"), cwd=base)
    assert status == 0, errors
    status, _, errors = attnprobe(*arguments(base, "without"), cwd=base)
    assert status == 0, errors
    one, other = (base / out / "planted" / "flan-none" / "seed-0" for out in ("with", "without"))
    names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    assert names == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
    timed = {"summary.json", "execution.jsonl", "training.csv"}
    differing = {name.name for name in names if (one / name).read_bytes() != (other / name).read_bytes()}
    assert differing <= timed
    config = json.loads((one / "config.json").read_text())
    assert not {"erasing", "decisions"} & set(config)
    assert config["settings"]["erase_by"] == list(OWN)
    assert set(config["erased_otherwise"]) == set(OWN) - {"renormalise"}
    assert "decision" not in config["settings"]


def test_a_folder_of_another_meaning_is_not_gone_on_with(run, base, site):
    status, _, errors = attnprobe_with(site, *arguments(base, "other", "--decision", "confident"), cwd=base)
    assert status == 2
    assert "was made with erase_by halve, not renormalise; give another --out" in errors


@pytest.mark.slow
def test_claims_and_the_paper_s_figures_leave_such_runs_out_and_identify_refuses_them(run, base, tmp_path):
    status, _, errors = attnprobe("identify", run[0], cwd=tmp_path)
    assert status == 2
    told = f"erases by “{WAY}” ({WAY_OF}) and decides “{DECISION}” ({DECISION_OF})"
    assert f"{told}: identifying is of runs that renormalise and decide for classes." in errors
    for command in ("claims", "figures"):
        status, _, errors = attnprobe(command, run[0], "--out", tmp_path / command, cwd=tmp_path)
        assert status == 2
        assert "There is no run that renormalises and decides for classes" in errors
    attnprobe(*arguments(base, "plain"), cwd=base)
    both = (run[0], base / "plain")
    status, out, _ = attnprobe("claims", *both, "--out", tmp_path / "claims", cwd=tmp_path)
    assert status == 0
    assert out.startswith("Runs that do not renormalise, or decide otherwise than for classes, are left out: ")
    assert "\n1 run." in out


@pytest.mark.parametrize(
    ("kind", "before", "flag"),
    [
        (
            "way of erasing",
            "from attnprobe import ERASING, WayOfErasing\nERASING.register('mine', WayOfErasing('Mine', "
            "lambda weights, erased, scores: weights.masked_fill(erased, 0.0)))",
            "--erase-by",
        ),
        (
            "decision",
            "from attnprobe import DECISIONS, Decision\nDECISIONS.register('mine', Decision('Mine', "
            "lambda logits: logits.argmin(-1), lambda logits, decided: "
            "logits.softmax(-1).gather(-1, decided[..., None]).squeeze(-1)))",
            "--decision",
        ),
    ],
)
@pytest.mark.samples(1)
def test_what_a_program_registered_alone_is_refused_with_workers_and_kept_without(kind, before, flag, base, tmp_path):
    command = arguments(base, "program", flag, "mine", "--out", tmp_path)
    program = tmp_path / "program"
    program.mkdir()
    status, _, errors = attnprobe_with(program, *command, "--workers", 2, cwd=base, before=before)
    assert status == 2
    assert f"The {kind} mine was registered by the program that began the run" in errors
    status, _, errors = attnprobe_with(program, *command, cwd=base, before=before)
    assert status == 0, errors
    config = json.loads((tmp_path / "planted" / "flan-none" / "seed-0" / "config.json").read_text())
    assert {"mine": {"title": "Mine"}} in config.values()
    status, _, errors = attnprobe("probe", tmp_path / "planted" / "flan-none" / "seed-0", cwd=base)
    assert status == 2
    assert f"made with the {kind} mine, which a program registered and this one does not." in errors


BAD = {
    "raises when imported": ("raise KeyError('no key')", "cannot be loaded: KeyError: 'no key'"),
    "is something else": ("THEIRS = 3", "is none: it is no attnprobe.WayOfErasing, but of the type int"),
    "gives NaN": ("THEIRS = WayOfErasing('Theirs', lambda w, e, s: w / 0 * 0)", "none: its edit gives NaN or infinite"),
    "writes": ("THEIRS = WayOfErasing('Theirs', lambda w, e, s: w.masked_fill_(e, 0))", "changes the tensors that it"),
}
"""What else can be wrong is in tests/erasure/test_meaning.py."""


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_way_of_erasing_ends_the_command_in_a_sentence_that_names_its_package(kind, base, tmp_path):
    code, sentence = BAD[kind]
    point, modules = {"theirs": "theirs:THEIRS"}, {"theirs": f"from attnprobe import WayOfErasing\n{code}\n"}
    folder = offered(tmp_path / "bad", "their-package", "2.3", point, modules, "attnprobe.erasing")
    more = ("--erase-by", "theirs", "--out", tmp_path / "runs")
    status, _, errors = attnprobe_with(folder, *arguments(base, "bad", *more), cwd=base)
    assert status == 2
    said = errors.strip().splitlines()[-1]
    assert "their-package 2.3" in said
    assert sentence in said


def test_a_worker_says_whose_decision_is_none_and_what_was_trained_is_kept(base, tmp_path):
    code = (
        "from attnprobe import Decision\n"
        "THEIRS = Decision('Theirs', lambda logits: logits.argmax(-1).double(), lambda logits, decided: logits[..., 0])"
    )
    point, modules = {"theirs": "theirs:THEIRS"}, {"theirs": code}
    folder = offered(tmp_path / "bad", "their-package", "2.3", point, modules, "attnprobe.decisions")
    more = ("--decision", "theirs", "--workers", 2, "--out", tmp_path / "runs")
    status, _, errors = attnprobe_with(folder, *arguments(base, "bad", *more), cwd=base)
    assert status == 2
    assert "What is registered as the decision theirs of their-package 2.3 is none: its decide gives float64" in errors
    assert (tmp_path / "runs" / "planted" / "flan-none" / "seed-0" / "model.safetensors").exists()


def test_a_decision_without_names_of_what_it_decides_is_refused(base, tmp_path):
    code = (
        "from attnprobe import Decision\n"
        "THEIRS = Decision('Theirs', lambda logits: logits.argmax(-1) + 5, "
        "lambda logits, decided: logits.softmax(-1).amax(-1))"
    )
    point, modules = {"theirs": "theirs:THEIRS"}, {"theirs": code}
    folder = offered(tmp_path / "bad", "their-package", "2.3", point, modules, "attnprobe.decisions")
    more = ("--decision", "theirs", "--out", tmp_path / "runs")
    status, _, errors = attnprobe_with(folder, *arguments(base, "bad", *more), cwd=base)
    assert status == 2
    assert re.search(r"theirs of their-package 2\.3 is none: it decides [56], and has names of 2 numbers", errors)


@pytest.mark.parametrize("group", ["attnprobe.erasing", "attnprobe.decisions"])
def test_a_name_that_is_taken_is_refused(group, tmp_path):
    taken = {"attnprobe.erasing": "renormalise", "attnprobe.decisions": "class"}[group]
    folder = offered(tmp_path / "bad", "their-package", "2.3", {taken: "theirs:THEIRS"}, {"theirs": ""}, group)
    status, _, errors = attnprobe_with(folder, "list", cwd=tmp_path)
    assert status == 2
    assert f"'{taken}', a name that attnprobe has itself" in errors
    assert "their-package 2.3" in errors


def test_every_door_refuses_a_name_that_there_is_not_and_suggests_another(base, tmp_path):
    status, _, errors = attnprobe(*arguments(base, "none", "--erase-by", "renormalize"), cwd=base)
    assert status == 2
    assert "There is no way of erasing 'renormalize'; did you mean 'renormalise' or 'resample'?" in errors
    experiment = tmp_path / "experiment.toml"
    for line, sentence in (
        ('decision = "clas"', f"{experiment}: There is no decision 'clas'; did you mean 'class' or 'given_class'?"),
        ("decision = 3", f"{experiment}: decision must be a text that is not empty, not 3."),
        ('erase_bye = "zero"', f"{experiment}: There is no setting erase_bye; did you mean erase_by?"),
    ):
        experiment.write_text(f'dataset = "docstrings"\nmodel = "flan-none"\n{line}\n')
        status, _, errors = attnprobe("run", "--experiment", experiment, cwd=tmp_path)
        assert status == 2
        assert sentence in errors


def test_an_experiment_s_file_chooses_them_too(site, base, tmp_path):
    experiment = tmp_path / "experiment.toml"
    settings = 'erase_by = "halve"\ndecision = "confident"\n[training]\nepochs = 1\nlearning_rate = 0.01\n'
    experiment.write_text(f'dataset = "planted"\nmodel = "flan-none"\n{settings}')
    command = ("train", "--experiment", experiment, "--data-dir", base, "--out", tmp_path / "runs")
    status, _, errors = attnprobe_with(site, *command, cwd=tmp_path)
    assert status == 0, errors
    config = json.loads((tmp_path / "runs" / "planted" / "flan-none" / "seed-0" / "config.json").read_text())
    assert (config["settings"]["erase_by"], config["settings"]["decision"]) == ("halve", "confident")

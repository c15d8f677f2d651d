"""Every kind of bad input: one sentence on standard error, exit status 2, nothing half-written."""

import re
import signal
import subprocess

import pytest

from tests.fixtures.commands import (
    AtWork,
    attnprobe,
    planted_rows,
    wait_until,
    write_splits,
)


def refused(*arguments, cwd, expected=2, **keywords):
    """The one sentence with which a command is refused, or fails."""
    status, _, errors = attnprobe(*arguments, cwd=cwd, **keywords)
    assert status == expected, errors
    lines = [line for line in errors.splitlines() if line.strip()]
    assert len(lines) == 1, errors
    assert lines[0].startswith("attnprobe: ")
    assert len(lines[0]) < 500
    assert nothing_half_written(cwd)
    return lines[0]


def nothing_half_written(folder):
    return not [path for path in folder.rglob(".*") if path.is_file()]


def run_on(folder, *arguments, model="flan-none", **keywords):
    return refused("run", "--dataset", folder, "--model", model, *arguments, cwd=folder.parent, **keywords)


def spoil(folder, split, row, text, label="pos"):
    """Put a document into the file's given row (the header is row 1)."""
    path = folder / f"{split}.tsv"
    lines = path.read_bytes().split(b"\n")
    lines[row - 1] = label.encode() + b"\t" + (text if isinstance(text, bytes) else text.encode())
    path.write_bytes(b"\n".join(lines))


def test_missing_folder(tmp_path):
    sentence = run_on(tmp_path / "nowhere")
    assert "nowhere" in sentence
    assert "docstrings" in sentence


def test_unknown_dataset_names_the_nearest(tmp_path):
    assert "docstrings" in refused("run", "--dataset", "docstring", cwd=tmp_path)


def test_unknown_model_names_the_nearest(planted):
    assert "did you mean 'flan-conv'" in run_on(planted, model="flan-cnv")


def test_missing_column(planted):
    sentence = run_on(planted, "--text-column", "body")
    assert "train.tsv" in sentence
    assert "body" in sentence
    assert "tokens" in sentence


def test_empty_split(tmp_path):
    folder = write_splits(tmp_path / "empty", train=planted_rows(20), test=[])
    assert "test.tsv" in run_on(folder)


def test_label_seen_only_in_test(planted):
    spoil(planted, "test", 5, "a fine text", label="neutral")
    sentence = run_on(planted)
    assert "test.tsv" in sentence
    assert "row 5" in sentence
    assert "neutral" in sentence


def test_not_utf8(planted):
    spoil(planted, "train", 7, b"caf\xe9 au lait")
    sentence = run_on(planted)
    assert "train.tsv" in sentence
    assert "row 7" in sentence
    assert "UTF-8" in sentence


def test_nul(planted):
    spoil(planted, "train", 9, "a\0b")
    sentence = run_on(planted)
    assert "row 9" in sentence
    assert "NUL" in sentence


def test_ten_megabyte_line(planted):
    spoil(planted, "train", 4, "word " * 2_000_000)
    sentence = run_on(planted)
    assert "train.tsv" in sentence
    assert "row 4" in sentence


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_document(planted, text):
    spoil(planted, "dev", 3, text)
    sentence = run_on(planted)
    assert "dev.tsv" in sentence
    assert "row 3" in sentence
    assert "tokens" in sentence


def test_one_class(tmp_path):
    rows = planted_rows(20, classes=("pos",))
    sentence = run_on(write_splits(tmp_path / "one", train=rows, test=rows))
    assert "train.tsv" in sentence
    assert "pos" in sentence


def test_a_one_item_document_is_counted_and_left_out(planted):
    spoil(planted, "test", 4, "planted")
    status, out, errors = attnprobe(
        "run", "--dataset", planted, "--model", "flan-none", "--epochs", "1", cwd=planted.parent
    )
    assert status == 0, errors
    assert "1 more has a single word and is left out" in out


def test_only_one_item_documents_leave_nothing_to_erase(tmp_path):
    rows = [(label, f"planted{label}") for label in ("pos", "neg")] * 20
    sentence = run_on(write_splits(tmp_path / "single", train=rows, test=rows), "--epochs", "1")
    assert "nothing" in sentence


def trained(folder):
    status, _, errors = attnprobe(
        "train", "--dataset", folder, "--model", "flan-none", "--epochs", "1", cwd=folder.parent
    )
    assert status == 0, errors
    return folder.parent / "runs" / folder.name / "flan-none" / "seed-0"


def test_corrupt_checkpoint(planted):
    run = trained(planted)
    (run / "model.safetensors").write_bytes(b"rubbish")
    for command in (("run", "--dataset", planted, "--model", "flan-none", "--epochs", "1"), ("probe", run)):
        assert "model.safetensors is corrupt" in refused(*command, cwd=planted.parent)


def test_foreign_checkpoint(planted):
    run = trained(planted)
    status, _, _ = attnprobe(
        "train", "--dataset", planted, "--model", "flan-none", "--epochs", "1", "--seed", "1", cwd=planted.parent
    )
    assert status == 0
    (run / "model.safetensors").write_bytes((run.parent / "seed-1" / "model.safetensors").read_bytes())
    assert "not made by this run" in refused("probe", run, cwd=planted.parent)


def test_other_settings_in_the_same_folder(planted):
    trained(planted)
    assert "epochs 1, not 2" in run_on(planted, "--epochs", "2")


def test_data_that_have_changed(planted):
    run = trained(planted)
    spoil(planted, "test", 4, "something else entirely")
    assert "changed" in refused("probe", run, cwd=planted.parent)


@pytest.mark.parametrize("command", ["probe", "report"])
def test_a_folder_that_is_no_run(tmp_path, command):
    assert "is not a run" in refused(command, tmp_path, cwd=tmp_path)


def test_probe_before_train_and_report_before_probe(planted):
    run = trained(planted)
    assert "documents.parquet" in refused("report", run, cwd=planted.parent)
    (run / "model.safetensors").unlink()
    assert "attnprobe train" in refused("probe", run, cwd=planted.parent)


def test_a_file_that_cannot_grow(planted):
    """The disk is full from the reader's side: the model does not fit into what may be written."""
    arguments = ("--dataset", planted, "--model", "flan-none", "--epochs", "1")
    sentence = refused("train", *arguments, cwd=planted.parent, expected=1, largest_file=60_000)
    assert re.search(r"/seed-0/training-state\.safetensors: File too large\.$", sentence)


def test_full_disk(planted, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs privileges")
    try:
        sentence = run_on(planted, "--epochs", "1", "--out", str(disk), expected=1)
        assert re.search(r"/seed-0/\w[\w.-]*: No space left on device\.$", sentence)
        assert nothing_half_written(disk)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_control_c_and_going_on(tmp_path, planted):
    command = ["train", "--dataset", str(planted), "--model", "flan-rnn", "--epochs", "400", "--patience", "400"]
    run = tmp_path / "runs" / "planted" / "flan-rnn" / "seed-0"
    process = AtWork(*command, cwd=tmp_path)
    wait_until((run / "training-state.safetensors").exists)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert "Traceback" not in process.errors
    assert "stopped" in process.errors
    assert nothing_half_written(tmp_path)
    assert not (run / "model.safetensors").exists()
    again = AtWork(*command, cwd=tmp_path)
    wait_until(lambda: "resuming after epoch" in again.out or again.poll() is not None)
    again.send_signal(signal.SIGINT)
    assert again.wait() == 130

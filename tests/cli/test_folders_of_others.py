"""A run's folder that someone else has filled: nothing outside it is written, read or waited for."""

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from attnprobe.base.errors import InputError
from attnprobe.base.run_lock import is_held, locked
from attnprobe.cli import main
from attnprobe.runs.run_folder import RunFolder
from tests.fixtures.commands import TIMEOUT, planted_folder

NOBODY = 65534
MODEL = ("--model", "flan-none", "--epochs", "1")
RUN = Path("runs", "planted", "flan-none", "seed-0")

FURTHER = (
    "identification-state.jsonl",
    "identification-state",
    "shards",
    "training-state.safetensors",
    "heads.parquet",
    "run.log",
    "run.lock-1-of-2",
)
"""Names that a finished run has not, and that are opened all the same."""

OF_A_RUN = {
    "report": ["report", RUN],
    "show": ["show", RUN, "0"],
    "verify": ["verify", RUN],
    "identify": ["identify", RUN],
    "probe": ["probe", RUN, "--workers", "1"],
    "probe a share": ["probe", RUN, "--workers", "1", "--shard", "1/2"],
    "claims": ["claims", "runs"],
    "compare": ["compare", "runs"],
    "figures": ["figures", "runs", "--out", "figures"],
}
OF_A_DATASET = {
    "train": ["train", "--dataset", "planted", *MODEL],
    "train --force": ["train", "--dataset", "planted", *MODEL, "--force"],
    "run --force": ["run", "--dataset", "planted", *MODEL, "--force"],
    "grid": ["grid", "grid.toml", "--data-dir", "."],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a dataset, a grid and a finished run."""
    folder = tmp_path_factory.mktemp("others")
    planted_folder(folder / "planted")
    (folder / "one.toml").write_text('dataset = "planted"\nmodel = "flan-none"\n[training]\nepochs = 1\n')
    (folder / "grid.toml").write_text('[[runs]]\nexperiments = ["one.toml"]\nseeds = [0]\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        assert main(["run", "--dataset", "planted", *MODEL, "--workers", "1"]) == 0
    return folder


@pytest.fixture
def place(finished, monkeypatch):
    """A copy that everyone may enter and write to."""
    folder = Path(tempfile.mkdtemp(prefix="others-"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(finished / "cache"))
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    monkeypatch.chdir(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def victims(tmp_path):
    """Files and folders of ours that links may lead to."""
    folder = tmp_path / "ours"
    (folder / "folder" / "below").mkdir(parents=True)
    for name in ("file", "folder/heads.csv", "folder/delta_js.png", "folder/000000-000001.items.parquet"):
        (folder / name).write_text("ours")
    return folder


def state(folder):
    """Everything that a write would change."""
    paths = sorted([folder, *folder.rglob("*")])
    return [
        (str(path), (status := path.lstat()).st_mtime_ns, status.st_size, status.st_nlink)
        + ((path.read_bytes(),) if path.is_file() else ())
        for path in paths
    ]


def replace(path, target):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


def refused(capsys, arguments):
    """The one sentence with which a command is refused."""
    capsys.readouterr()
    began = time.monotonic()
    status = main([str(argument) for argument in arguments])
    errors = capsys.readouterr().err
    assert status == 2, errors
    assert errors.count("\n") == 1, errors
    assert time.monotonic() - began < TIMEOUT
    return errors


def as_nobody(do):
    """Do something in a process of another user."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            do()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
@pytest.mark.parametrize("command", OF_A_RUN | OF_A_DATASET)
@pytest.mark.samples(4)
def test_a_folder_of_links_that_a_second_user_has_made_changes_nothing_outside_it(place, victims, capsys, command):
    names = [path.relative_to(RUN) for path in RUN.iterdir()]

    def fill():
        """Of a folder that the other user owns; what is ours they cannot even see."""
        theirs = RUN.with_name("theirs")
        theirs.mkdir()
        for name in (*map(str, names), *FURTHER):
            target = "folder" if (RUN / name).is_dir() else "file"
            (theirs / name).symlink_to(victims / target)
        os.rename(RUN, "honest")
        os.rename(theirs, RUN)

    victims.chmod(0o700)
    before = state(victims)
    as_nobody(fill)
    # The first link that is met is the one that is named: further ones are met where the first files are honest.
    for own in ([], ["config.json"], ["config.json", "documents.parquet", "erasures.parquet", "items.parquet"]):
        for name in own:
            (RUN / name).unlink(missing_ok=True)
            shutil.copy(Path("honest", name), RUN / name)
        errors = refused(capsys, (OF_A_RUN | OF_A_DATASET)[command])
        assert re.search(rf"{RUN}/\S+ is a link", errors)
        assert state(victims) == before


def names_of(finished):
    run = finished / RUN
    return sorted({str(path.relative_to(run)) for path in run.rglob("*")} | set(FURTHER))


def test_no_name_is_opened_through_a_link(finished, place, victims, capsys):
    """Each name by each command that opens runs, alone in an honest folder; and what the name is a link to varies."""
    before = state(victims)
    for number, name in enumerate(names_of(finished)):
        target = victims / ("folder" if (RUN / name).is_dir() else ("file", "nowhere", "folder")[number % 3])
        shutil.copytree(RUN, "kept")
        replace(RUN / name, target)
        for command in (*OF_A_RUN.values(), list(OF_A_DATASET.values())[number % len(OF_A_DATASET)]):
            assert f"{RUN / name} is a link" in refused(capsys, command)
        assert state(victims) == before
        shutil.rmtree(RUN)
        Path("kept").rename(RUN)


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
def test_nothing_else_in_the_place_of_a_file_is_waited_for(place, capsys, kind):
    import socket

    make = {
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
    }[kind]
    for name in ("run.lock", "config.json", "summary.json", "items.parquet", "execution.jsonl"):
        kept = (RUN / name).read_bytes()
        (RUN / name).unlink()
        make(RUN / name)
        for command in ("report", "show", "probe", "claims", "compare"):
            assert f"{RUN / name} is a {kind}" in refused(capsys, OF_A_RUN[command])
        (RUN / name).rmdir() if kind == "folder" else (RUN / name).unlink()
        (RUN / name).write_bytes(kept)


def test_a_file_in_the_place_of_a_folder_is_refused(place, capsys):
    shutil.rmtree(RUN / "figures")
    (RUN / "figures").write_text("no folder")
    assert f"{RUN / 'figures'} is a file" in refused(capsys, OF_A_RUN["report"])


@pytest.mark.parametrize("part", RUN.parts[1:])
def test_no_folder_below_the_one_that_was_named_is_a_link(place, capsys, part):
    folder = Path(*RUN.parts[: RUN.parts.index(part) + 1])
    folder.rename("elsewhere")
    folder.symlink_to(Path("elsewhere").absolute())
    before = state(Path("elsewhere"))
    for command in OF_A_DATASET.values():
        assert f"{folder} is a link" in refused(capsys, command)
    assert state(Path("elsewhere")) == before


def test_the_folder_that_is_named_may_be_reached_through_links(place, capsys):
    Path("link").symlink_to(RUN)
    assert main(["show", "link", "0"]) == 0
    Path("runs").rename("elsewhere")
    Path("runs").symlink_to("elsewhere")
    assert main(OF_A_DATASET["train"]) == 0
    assert "finished before" in capsys.readouterr().out


def test_every_path_of_a_run_folder_is_looked_at(tmp_path):
    """A name that is added to it is not forgotten."""
    names = [path.name for path in vars(RunFolder(tmp_path / "run")).values() if path.parent == tmp_path / "run"]
    assert len(names) > 10
    for name in (*names, *(RunFolder(tmp_path).table(table).name for table in ("documents", "heads"))):
        run = RunFolder(tmp_path / f"of-{name}")
        run.path.mkdir()
        (run.path / name).symlink_to("/dev/null")
        with pytest.raises(InputError, match=f"{name} is a link"):
            run.check()


def test_a_lock_with_several_names_is_held_and_not_written_to(tmp_path):
    (tmp_path / "theirs").write_text("ours")
    os.link(tmp_path / "theirs", tmp_path / "run.lock")
    with locked(tmp_path / "run.lock", tmp_path):
        assert (tmp_path / "theirs").read_text() == "ours"
        assert is_held(tmp_path / "run.lock")
        with (
            pytest.raises(InputError, match="another attnprobe \\(several processes\\)"),
            locked(tmp_path / "run.lock", tmp_path),
        ):
            pass
    assert (tmp_path / "theirs").read_text() == "ours"
    assert not is_held(tmp_path / "run.lock")


def test_what_a_user_keeps_in_a_run_folder_is_their_own(place, capsys):
    (RUN / "notes").symlink_to("/dev/null")
    (RUN / "more").mkdir()
    (RUN / "more" / "link").symlink_to("/dev/null")
    assert main(["show", str(RUN), "0"]) == 0

"""Whether results are what they were: small runs of two revisions from the same weights, byte for byte.

    python -m tests.golden REVISION

The revision is checked out beside the working tree and trains a model of each kind on a planted dataset. From copies of
those runs both test, identify and report; every file that differs is named, and the exit status is 1 where one does. Of
a table it is said whether what both have of it (columns, orderings, rows of the first way of erasing) is the same, but
for the seconds that were measured. Both erase as the older one does unless ``--erase-by`` names ways for this one. A
run that an older attnprobe began is so finished by this one, too.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.against import checked_out
from tests.fixtures.commands import ROOT, planted_folder

RUNS = {
    "flan-rnn": ("--model", "flan-rnn"),
    "han-none": ("--model", "han-none"),
    "transformer": ("--model", "transformer", "--num-heads", "2", "--layers", "all"),
}
TIMED = {"execution.jsonl"}
"""Files that tell when something was done."""


def attnprobe(tree, *arguments, cwd):
    """The command of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "attnprobe", *map(str, arguments)]
    subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL)


def files_of(folder):
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def differing(before, now):
    """Names of files that only one folder has, or that are not the same bytes in both."""
    ours, theirs = files_of(now), files_of(before)
    for name in sorted(ours.keys() | theirs.keys()):
        if Path(name).name in TIMED:
            continue
        if name not in ours or name not in theirs:
            yield f"{name} (only {'before' if name in theirs else 'now'})"
        elif not filecmp.cmp(ours[name], theirs[name], shallow=False):
            if not name.endswith(".parquet"):
                yield name
            elif told := difference(pq.read_table(theirs[name]), pq.read_table(ours[name])):
                yield f"{name} ({told})"


def difference(before, now):
    """How tables differ beside the seconds that were measured, in words; empty where they do not."""
    if "erase_by" in now.column_names and "erase_by" not in before.column_names:
        now = now.filter(pc.equal(now["erase_by"], now["erase_by"][0]))
        told = ["with rows of further ways of erasing"]
    else:
        told = []
    both = [name for name in before.column_names if name in now.column_names and name != "seconds"]
    told += [f"without {name}" for name in before.column_names if name not in now.column_names]
    further = [name for name in now.column_names if name not in before.column_names]
    told += [f"with {name}" for name in further[:3]] + [f"and {len(further) - 3} further columns"] * (len(further) > 3)
    if "ordering" in both:
        names = [set(table["ordering"].to_pylist()) for table in (before, now)]
        told += [f"without {name}" for name in names[0] - names[1]] + [f"with {name}" for name in names[1] - names[0]]
        known = pa.array(sorted(names[0] & names[1]))
        before, now = (table.filter(pc.is_in(table["ordering"].cast("string"), known)) for table in (before, now))
    other = [name for name in both if not as_plain(before[name]).equals(as_plain(now[name]))]
    return ", ".join([*told, *(f"another {name}" for name in other)])


def as_plain(column):
    """A column without its dictionary, and NaN as any other number."""
    plain = column.combine_chunks()
    plain = plain.dictionary_decode() if pa.types.is_dictionary(plain.type) else plain
    return plain.view(pa.int64()) if pa.types.is_float64(plain.type) else plain


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision")
    parser.add_argument("--erase-by", metavar="NAME,…", help="ways in which runs of models that pool are probed now")
    arguments = parser.parse_args()
    revision = arguments.revision
    status = 0
    with checked_out(revision) as before, tempfile.TemporaryDirectory() as folder:
        data = planted_folder(Path(folder, "planted"))
        for name, settings in RUNS.items():
            trained = Path(folder, name, "trained")
            trained.mkdir(parents=True)
            attnprobe(before, "train", "--dataset", data, *settings, "--epochs", 1, "--out", "runs", cwd=trained)
            made = {}
            for side, tree in {"before": before, "now": ROOT}.items():
                made[side] = shutil.copytree(trained, Path(folder, name, "now" if side == "now" else "before"))
                (run,) = (path.parent for path in made[side].rglob("config.json"))
                ways = ["--erase-by", arguments.erase_by] if side == "now" and arguments.erase_by else []
                probing = ("probe", *(ways if name != "transformer" else ()))
                for command in (probing, ("identify", "--documents", 5), ("report",)):
                    attnprobe(tree, command[0], run, *command[1:], cwd=made[side])
            found = list(differing(made["before"], made["now"]))
            status |= bool(found)
            print(
                f"{name}: {len(files_of(made['now']))} files, "
                + (f"differing: {', '.join(found)}" if found else "all the same")
            )
    return status


if __name__ == "__main__":
    sys.exit(main())

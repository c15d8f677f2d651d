"""How far weights can move at the same output, logits, probabilities or decision, and what keys can realise of it.

python figures/identifiable2021/ladder.py runs/newsgroups20/transformer-d_k16/seed-0 --out ladder

Writes ladder_documents.csv (a row a document × rung), ladder.csv (means over documents), and key_dimensions.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from attnprobe.base.exit_status import leave
from attnprobe.cli.options import positive, reopen_run
from attnprobe.papers.bhardwaj2021.ladder_tables import key_dimensions_of_run, rungs_of_run
from attnprobe.papers.serrano2019.figures.table_files import write_csv

RUN = ["dataset", "model", "seed"]


def main() -> None:
    """Measure as the command line says, and print the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    parser.add_argument("--documents", type=positive, default=5, metavar="N", help="of each run (5)")
    parser.add_argument("--items", type=positive, default=48, metavar="N", help="to which they are cut (48)")

    def work() -> None:
        arguments = parser.parse_args()
        for path in measure(arguments.runs, arguments.documents, arguments.items, arguments.out):
            print(path)

    leave(parser.prog, work)


def measure(paths: list[Path], documents: int, items: int, folder: Path) -> list[Path]:
    """Write the tables of these runs.

    Raises:
        InputError: a run or its data cannot be used, or has no documents that are long enough.
    """
    rungs, keys = [], []
    for path in tqdm(paths, desc="measuring", unit=" runs", disable=None):
        run = reopen_run(path, argparse.Namespace(device="cpu"))
        settings = run.configuration.settings
        names = dict(zip(RUN, (settings.dataset, path.resolve().parent.name, settings.seed), strict=True))
        rungs.append(rungs_of_run(run, documents, items).assign(**names))
        keys.append(key_dimensions_of_run(run, documents, items).assign(**names))
    folder.mkdir(parents=True, exist_ok=True)
    of_documents = pd.concat(rungs)[[*RUN, *rungs[0].columns.drop(RUN)]]
    means = of_documents.groupby([*RUN, "name"], sort=False).agg(
        documents=("document", "size"),
        items=("items", "mean"),
        heads=("heads", "first"),
        dimension=("dimension", "mean"),
        lower=("lower", "mean"),
        upper=("upper", "mean"),
        largest_change=("change", "max"),
        kept=("kept", "mean"),
    )
    found = [table for table in keys if len(table)]
    paths = [write_csv(of_documents, folder, "ladder_documents"), write_csv(means.reset_index(), folder, "ladder")]
    if found:
        of_heads = pd.concat(found)[[*RUN, *found[0].columns.drop(RUN)]]
        paths.append(write_csv(of_heads, folder, "key_dimensions"))
    return paths


if __name__ == "__main__":
    main()

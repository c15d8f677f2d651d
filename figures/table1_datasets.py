"""Table 1: the datasets as the runs used them, sizes of splits, classes and lengths.

python figures/table1_datasets.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("table1_datasets", __doc__)

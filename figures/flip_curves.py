"""The better figure: documents flipped by the share of items erased, with the smallest set and never-flips.

python figures/flip_curves.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("flip_curves", __doc__)

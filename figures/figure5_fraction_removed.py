"""Figure 5: the fraction erased at the first flip by ordering, for the models with an encoder.

python figures/figure5_fraction_removed.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure5_fraction_removed", __doc__)

"""Figure 6: the fraction erased at the first flip by ordering, for the models without an encoder.

python figures/figure6_fraction_removed_without_encoder.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure6_fraction_removed_without_encoder", __doc__)

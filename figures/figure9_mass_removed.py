"""Figure 9: the attention mass erased at the first flip by ordering, for every model.

python figures/figure9_mass_removed.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure9_mass_removed", __doc__)

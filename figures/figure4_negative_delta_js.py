"""Figure 4: the Δα of the pairs with negative ΔJS, one image a model, one panel a dataset.

python figures/figure4_negative_delta_js.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure4_negative_delta_js", __doc__)

"""Figure 3: ΔJS against Δα, one image a model, one panel a dataset.

python figures/figure3_delta_js.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure3_delta_js", __doc__)

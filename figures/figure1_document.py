"""Figure 1: a real document with its attention, in which the largest weight does not decide.

python figures/figure1_document.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("figure1_document", __doc__)

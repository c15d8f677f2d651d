"""Table 2 and its appendix forms: decisions flipped by erasing i* alone, or another item r.

python figures/table2_decision_flips.py runs --out paper
"""

from attnprobe.papers.serrano2019.figures.script import main

if __name__ == "__main__":
    main("table2_decision_flips", __doc__)

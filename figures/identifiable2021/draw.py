"""All tables and figures of Bhardwaj et al. (2021), from trained transformer encoders.

attnprobe grid experiments/identifiable2021/offline.toml --data-dir DIR --out runs
python figures/identifiable2021/draw.py runs --out paper
"""

from attnprobe.papers.bhardwaj2021.script import main

if __name__ == "__main__":
    main(__doc__)

"""What training for erasure changes: tables and a figure, from the same runs with and without it.

attnprobe grid experiments/offline/grid.toml --data-dir DIR --out runs
attnprobe grid experiments/meanings/offline.toml --data-dir DIR --out masked
python figures/mask_training/draw.py runs masked --out paper
"""

from attnprobe.papers.mask_training.script import main

if __name__ == "__main__":
    main(__doc__)

"""The correlations of Jain & Wallace (2019), from finished runs, beside those that were released.

attnprobe grid experiments/jain2019/offline.toml --data-dir DIR --out runs
python figures/jain2019/correlations.py runs --out paper
"""

from attnprobe.papers.jain2019.script import main

if __name__ == "__main__":
    main(__doc__)

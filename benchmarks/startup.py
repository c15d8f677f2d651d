"""Import time against `import torch`, each in fresh processes; and peak memory of a whole run.

python -m benchmarks.startup [--run ARGUMENTS-OF-ATTNPROBE-RUN …]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile

from benchmarks.measure import in_turn, median_ratio, report

OURS = "from attnprobe import rank_by_attention, first_flip, minimal_flip_set, erasing"


def imported(statement: str) -> None:
    """Run one import statement in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", statement], check=True)


def main() -> None:
    """Print the ratio of import times, and the peak memory of a run if one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", nargs=argparse.REMAINDER, help="measure the memory of attnprobe run with these")
    arguments = parser.parse_args()
    ours, torch = in_turn([lambda: imported(OURS), lambda: imported("import torch")], repetitions=7)
    report("import_time_vs_torch", median_ratio(ours, torch), torch_seconds=sorted(torch)[3])
    if arguments.run is not None:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "attnprobe", "run", "--out", folder, *arguments.run]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        report("peak_memory_of_run_gb", largest, arguments=" ".join(arguments.run), note="the largest process")


if __name__ == "__main__":
    main()

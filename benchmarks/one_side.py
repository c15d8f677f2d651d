"""One of the two versions that :mod:`benchmarks.against` measures, as a process that works whenever it is told to."""

from __future__ import annotations

import contextlib
import importlib
import resource
import sys
from collections.abc import Callable


def spent() -> float:
    """CPU seconds of this process and of those that it has waited for."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Get ready; at each line of input do the work and answer with the CPU seconds that it took."""
    name, *arguments = sys.argv[1:]
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        work: Callable[[], object] = importlib.import_module(f"benchmarks.{name}").workload(arguments)
        for _ in sys.stdin:
            before = spent()
            work()
            print(spent() - before, file=answers, flush=True)


if __name__ == "__main__":
    main()

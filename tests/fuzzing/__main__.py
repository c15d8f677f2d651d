"""The long version: python -m tests.fuzzing --inputs 100000 --seed 0 [--only FORMAT]"""

import argparse
import sys
import traceback

from tests.fuzzing.formats import FORMATS, fuzz, table


def main():
    """Print a table of what became of the inputs, and what failed; the exit status is 1 if anything did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=FORMATS)
    arguments = parser.parse_args()
    chosen = [arguments.only] if arguments.only else list(FORMATS)
    shares = sum(FORMATS[name].share for name in chosen)
    tallies = {}
    for name in chosen:
        tallies[name] = fuzz(name, -(-arguments.inputs * FORMATS[name].share // shares), arguments.seed)
        for number, error in tallies[name].failures:
            print(f"{name}, input {number}:", *traceback.format_exception(error)[-4:], file=sys.stderr)
    print(table(tallies))
    return int(any(tally.failures for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())

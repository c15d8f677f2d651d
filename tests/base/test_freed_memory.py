import subprocess
import sys

import pytest

from tests.fixtures.commands import ROOT

FAULTS = """
import resource
from attnprobe.base.freed_memory import keep_freed_memory

def of_round():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(2**22) for _ in range(10)]
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

untold = [of_round() for _ in range(4)][-1]
keep_freed_memory()
print(untold, [of_round() for _ in range(4)][-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="what other systems do with freed memory is their affair")
def test_memory_that_is_freed_and_wanted_again_is_not_asked_of_the_system_again():
    done = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True)
    untold, told = map(int, done.stdout.split())
    if untold < 1000:
        pytest.skip("the system's own library keeps it")
    assert told < untold / 100

"""What a peak took goes back to the system, from whichever thread it was taken."""

import platform

import pytest

from tests.faults.programs import program

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="others keep nothing, or are not asked"
)

# Logins, one after the other; what is said is in MB.
_PEAK = """
import concurrent.futures, sys
import psutil
from eventhub import allocator
from eventhub.services import passwords

def taken():
    return psutil.Process().memory_info().rss / 1e6

if sys.argv[1] == "one arena":
    allocator.use_one_arena()
before = taken()
threads = concurrent.futures.ThreadPoolExecutor(1)
for _ in range(4):
    threads.submit(passwords._hasher.hash, "a password").result()
peak = taken()
allocator.give_back()
print(peak - before, taken() - before)
"""


@pytest.mark.parametrize(("arenas", "goes_back"), [("one arena", True), ("one of each thread", False)])
def test_what_logins_took_is_given_back(arenas: str, goes_back: bool) -> None:
    with program(_PEAK, arenas) as process:
        said, _ = process.communicate()
    taken, left = map(float, said.split())
    assert taken > 15
    assert (left < 5) is goes_back

"""What a pass has freed serves the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PAGES = """
import resource, torch
from ppgen.context import evaluating

def pages(size):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(size).add_(1.0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
sizes = 100_000, 1_600_000, 5_000_000
first = sum(pages(size) for size in sizes * 3)
with evaluating():
    [pages(size) for size in sizes[::-1]]
    print(first, sum(pages(size) for size in sizes * 3))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_passes_of_an_evaluation_touch_no_fresh_pages() -> None:
    told = subprocess.run([sys.executable, "-c", _PAGES], check=True, capture_output=True, text=True).stdout
    first, kept = map(int, told.split())
    assert kept < first / 20

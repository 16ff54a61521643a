"""Memory that a pass has freed, kept for the next one instead of handed back to the operating system.

glibc hands freed memory back as soon as there is some of it, so that each pass over a few thousand rows gets its
tensors as fresh pages, which the kernel has to find, clear and map at the first touch: a quarter of the time of an
importance-weighted bound. Its two limits are parameters of ``mallopt(3)``: blocks as large as the first are mapped
alone, and unmapped when they are freed; more than the second is not kept free at the end of the heap.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_BLOCK, _KEPT = 2**25, 2**27  # 32 MiB, the largest that glibc takes; 128 MiB
_OWN = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}


@functools.cache
def keep_freed_memory() -> None:
    """Let this process keep up to 128 MiB of what it frees, once and for all.

    Limits that the user has set in the environment stand, and other C libraries are left as they are.

    Example:
        >>> keep_freed_memory()
    """
    if sys.platform != "linux" or _OWN & os.environ.keys():
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)

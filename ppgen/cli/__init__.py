"""The command line: ``ppgen list | fit | evaluate | compare | sample | report | demo``, one command a file."""

from __future__ import annotations

from ppgen.cli.entry import commands, main

__all__ = ["commands", "main"]

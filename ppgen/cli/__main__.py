"""``python -m ppgen.cli``: the command line where the ``ppgen`` script is not on the path."""

from __future__ import annotations

from ppgen.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()

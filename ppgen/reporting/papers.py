"""Papers: the BibTeX of a model and of its objective."""

from __future__ import annotations

import re
from importlib import resources

__all__ = ["bibtex"]

_ENTRY = re.compile(r"^@\w+\{.*?^\}$", re.MULTILINE | re.DOTALL)
_KEYWORDS = re.compile(r"^  keywords = \{(.*?)\},?\n", re.MULTILINE)


def bibtex(*names: str) -> str:
    """Entries of the papers behind classes, one after the other; nothing for classes that none is known of.

    Args:
        *names: of models and objectives.

    Example:
        >>> bibtex("GAN").splitlines()[0]
        '@inproceedings{goodfellow2014gan,'
        >>> bibtex("MyModel")
        ''
    """
    text = resources.files("ppgen.reporting").joinpath("papers.bib").read_text(encoding="utf-8")
    entries = [(entry, _KEYWORDS.search(entry)) for entry in _ENTRY.findall(text)]
    chosen = [
        _KEYWORDS.sub("", entry)
        for entry, keywords in entries
        if keywords is not None and set(names) & set(keywords[1].split(", "))
    ]
    return "\n\n".join(chosen)

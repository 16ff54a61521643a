"""Papers: the BibTeX of a model and of its objective."""

from __future__ import annotations

import inspect
import re
from importlib import resources
from typing import Any

__all__ = ["bibtex", "paper_keywords"]

_ENTRY = re.compile(r"^@\w+\{.*?^\}$", re.MULTILINE | re.DOTALL)
_KEYWORDS = re.compile(r"^  keywords = \{(.*?)\},?\n", re.MULTILINE)


def bibtex(*names: str) -> str:
    """Entries of the papers behind classes, one after the other; nothing for classes that none is known of.

    Args:
        *names: of models and objectives, and of settings: what :func:`paper_keywords` gives.

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


def paper_keywords(model: Any, objective: Any) -> list[str]:
    """The names of both classes, if they are this package's: another's VAE has a paper of its own.

    A setting of the objective that is neither the default nor off has a name, too, and where it is chosen among names,
    one for each: it may be a paper's whole idea.

    Args:
        model: of a fit.
        objective: likewise.

    Example:
        >>> import ppgen
        >>> paper_keywords(ppgen.models.VAE((1, 8, 8)), ppgen.ELBO(beta=4.0))
        ['VAE', 'ELBO', 'ELBO.beta']
    """
    own = [type(part) for part in (model, objective) if type(part).__module__.startswith("ppgen.")]
    settings = objective.settings()
    changed = [
        f"{type(objective).__name__}.{name}{f'={value}' if isinstance(value, str) else ''}"
        for name, parameter in inspect.signature(type(objective)).parameters.items()
        if (value := settings.get(name, parameter.default)) and value != parameter.default
    ]
    return [*(kind.__name__ for kind in own), *(changed if type(objective) in own else [])]

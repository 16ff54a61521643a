"""Comparisons of fits: tables, data frames, paired differences and the ranks that these leave open."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import layout, table
from ppgen.evaluation.evaluate import evaluate
from ppgen.evaluation.metric import Metric
from ppgen.evaluation.metrics import chosen
from ppgen.evaluation.over_fits import over_fits
from ppgen.evaluation.paired_difference import (
    PairedDifference,
    Standing,
    paired_difference,
    standings,
)
from ppgen.evaluation.paired_interval import check_level
from ppgen.evaluation.remarks import Remark, remarks
from ppgen.evaluation.scorecard import Scorecard, asked_of
from ppgen.files import write_text
from ppgen.fitted import Fit

if TYPE_CHECKING:
    import pandas

__all__ = ["Comparison", "compare", "tidy"]

Entry = Fit | Scorecard | Path | str


@checked
def compare(
    entries: Mapping[str, Entry | Sequence[Entry]],
    metrics: Iterable[str | Metric | Callable[[Fit], Any]] | None = None,
    *,
    level: float = 0.95,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Lay fits side by side.

    Args:
        entries: by name, a :class:`~ppgen.fitted.Fit` (evaluated now), a :class:`Scorecard`, or a run folder with
            ``scores.json``; or a list of such, fits of one model that differ in their seed, which become one row of
            means with errors over fits and data (:func:`~ppgen.evaluation.over_fits.over_fits`).
        metrics: by which fits are judged, as :func:`ppgen.evaluate` takes them; scorecards and folders have theirs.
        level: coverage of each interval of a difference, for that pair alone.
        seed: of evaluation.
        progress: show a bar while fits are evaluated.

    Returns:
        The comparison; ``print`` shows it as a table.

    Raises:
        SettingError: if there is nothing to compare, ``level`` is not between 0 and 1, or the fits of one entry differ
            in more than their seed.
        CheckpointError: if a folder holds no scores.
        DataError: if the fits of one entry are judged on different data.

    Example:
        >>> import ppgen, torch
        >>> fits = [ppgen.fit(ppgen.models.VAE((4,), 2, hidden=(4,)), torch.ones(60, 4), max_epochs=1, seed=seed,
        ...                   progress=False) for seed in range(3)]
        >>> def size(fit):
        ...     return fit.num_parameters
        >>> print(compare({"vae": fits}, ["elbo", size], progress=False).cards["vae"].facts["fits"][2]["seed"])
        2
    """
    if not entries or not isinstance(entries, Mapping):
        raise SettingError(
            "compare: nothing to compare",
            expected="fits, scorecards or run folders by name",
            got=type(entries).__name__ if entries else "nothing",
            fix='ppgen.compare({"vae": fit, "pixelcnn": other})',
            code="S062",
        )
    asked = None if metrics is None else chosen(metrics)
    cards = {str(name): _card(entry, asked, seed, progress) for name, entry in entries.items()}
    return Comparison({name: dataclasses.replace(card, name=name) for name, card in cards.items()}, level=level)


def _card(entry: Any, metrics: Sequence[Metric] | None, seed: int, progress: bool) -> Scorecard:
    if isinstance(entry, (list, tuple)) and entry:
        return over_fits([_card(one, metrics, seed, progress) for one in entry])
    if isinstance(entry, Scorecard):
        return entry
    if isinstance(entry, (str, Path)):
        return Scorecard.load(entry)
    if isinstance(entry, Fit):
        return evaluate(entry, metrics, seed=seed, progress=progress)
    raise SettingError(
        "compare: an entry is no fit",
        expected="a Fit, a Scorecard, the path of a run folder, or a list of such",
        got="an empty list" if entry == [] else type(entry).__name__,
        fix='ppgen.compare({"vae": fit, "pixelcnn": [fit_of_seed_0, fit_of_seed_1]})',
        code="S063",
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """Scorecards by name, and what may be said about their order.

    Args:
        cards: each named as its key.
        level: coverage of the intervals.
    """

    cards: Mapping[str, Scorecard]
    level: float = 0.95

    def __post_init__(self) -> None:
        check_level(self.level)

    @functools.cached_property
    def pairs(self) -> tuple[PairedDifference, ...]:
        """The paired difference of log-density between each two models, in the order of the cards."""
        return tuple(
            paired_difference(first, second, level=self.level)
            for first, second in itertools.combinations(self.cards.values(), 2)
        )

    def ranking(self) -> list[Standing]:
        """The rank interval of each model by log-density, or the reason why it has none."""
        return standings(self.cards, self.pairs)

    def frame(self) -> pandas.DataFrame:
        """A row for each model, numbers as numbers.

        Returns:
            Index ``model``; columns (``metric``, ``field``) with the fields ``value`` and ``se`` (float, missing where
            a question is refused) and ``kind`` (text), for every metric that some model has.
        """
        import pandas

        columns = {}
        for key in _keys(self.cards):
            found = [card.estimate(key) for card in self.cards.values()]
            if any(found):
                for field, attribute in (("value", "value"), ("se", "standard_error"), ("kind", "kind")):
                    columns[key, field] = [getattr(estimate, attribute, None) for estimate in found]
        frame = pandas.DataFrame(columns, index=pandas.Index(list(self.cards), name="model"))
        frame.columns = pandas.MultiIndex.from_tuples(list(columns), names=["metric", "field"])
        return frame.astype({key: "string" if key[1] == "kind" else "float64" for key in columns})

    def to_text(self) -> str:
        """Aligned tables for a terminal, one a question, with footnotes, ranks and paired differences."""
        return table.to_text(*self._parts())

    def to_markdown(self) -> str:
        """The same as Markdown."""
        return table.to_markdown(*self._parts())

    def to_latex(self) -> str:
        r"""The same as LaTeX: ``tabular`` environments that need ``\usepackage{booktabs}``."""
        return table.to_latex(*self._parts())

    def to_html(self) -> str:
        """The same as HTML without a style, as notebooks show it; :func:`ppgen.report` writes a whole page."""
        return table.to_html(*self._parts())

    def _repr_html_(self) -> str:
        return self.to_html()

    @checked
    def to_csv(self, path: Path | str | None = None) -> str:
        """One line for each number, baselines and refusals included; also written to ``path`` if one is given."""
        text = tidy(self.cards).map(_no_formula).to_csv(index=False)
        if path is not None:
            write_text(Path(path), text)
        return text

    def _parts(self) -> tuple[list[layout.Block], list[Remark]]:
        return layout.blocks(self.cards), remarks(self.ranking(), self.pairs, self.level)

    def __str__(self) -> str:
        return self.to_text()


def _no_formula(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula, which could run a program of its reader's: a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def tidy(cards: Mapping[str, Scorecard]) -> pandas.DataFrame:
    """A row for each number, baseline and refusal, with every field of its estimate.

    Args:
        cards: by name.

    Returns:
        Columns ``model``, ``baseline``, ``question``, ``metric``, the fields of :class:`~ppgen.estimate.Estimate`,
        ``reason`` (of a refusal), ``data`` and ``fingerprint``.
    """
    import pandas

    rows = []
    for name, card in cards.items():
        source = {"data": str(card.data), "fingerprint": card.fingerprint}
        for answer in filter(None, map(card.answer, _keys(cards))):
            head = {"model": name, "question": answer.column.question, "metric": answer.column.key}
            estimates = {"": answer.estimate, **answer.baselines}
            if answer.refusal:
                rows.append({**head, "reason": answer.refusal, **source})
            rows += [{**head, "baseline": label, **e.to_dict(), **source} for label, e in estimates.items() if e]
    fields = [field.name for field in dataclasses.fields(Estimate)]
    columns = ["model", "baseline", "question", "metric", *fields, "reason", "data", "fingerprint"]
    return pandas.DataFrame(rows, columns=columns)


def _keys(cards: Mapping[str, Scorecard]) -> list[str]:
    """The metrics that any of the cards was asked, in the order of tables."""
    return list(dict.fromkeys(column.key for column in asked_of(cards.values())))

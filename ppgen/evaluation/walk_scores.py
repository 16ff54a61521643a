"""Numbers of a walk: how even its steps are, how sure a judge is on the way, what arithmetic changes and keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.data import Dataset
from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation.judge import Judge, judge_of
from ppgen.walks import Walk

__all__ = ["WalkScores", "walk_scores"]


@dataclasses.dataclass(frozen=True)
class WalkScores(Mapping[str, Estimate]):
    """What :meth:`ppgen.walks.Walk.scores` returns: numbers by what they say.

    Args:
        numbers: by name; means over the walk's rows, with their standard errors where there are several.
        judged_by: whose eyes these are.
    """

    numbers: Mapping[str, Estimate]
    judged_by: str

    def __getitem__(self, name: str) -> Estimate:
        return self.numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __str__(self) -> str:
        width = max(map(len, self.numbers), default=0)
        lines = [f"  {name:<{width}}  {found.short()}" for name, found in self.numbers.items()]
        return "\n".join([f"judged by {self.judged_by}", *lines])


@checked
def walk_scores(
    walk: Walk, judge: Dataset | Judge, *, changed: Mapping[str, int] = {}, ordered: Sequence[str] = ()
) -> WalkScores:
    """Score a walk by what a judge sees in what it decodes to: ``walk.scores(fit.data)``.

    Of traversals, interpolations and manifolds: ``largest step``, that between two neighbours of a row in the judge's
    features over the mean step: 1 where all are equal, the number of steps where all happens in one. Of interpolations:
    ``path length``, the mean of ``|step|^2 / share^2``, where ``share`` is that of the way (Karras et al., 2019,
    equation 2, in other features: it compares with that of other models on the same data only).

    Of these, and each attribute: ``confidence in y``, the mean probability of the class that the judge sees, between
    the ends; of interpolations ``confidence in y at the ends`` beside it: a way through what is like no data makes the
    judge less sure than its ends do.

    Of a traversal: ``scale along z[3]``, the rank correlation (Spearman) of the latent's value and the class that the
    judge expects, ``sum_k k p_k``: 1 or -1 where the attribute goes one way only, 0 where it does not move. For
    attributes of two classes, and ``ordered`` ones.

    Of arithmetic: ``glasses=1 at +0``, the share of rows in which the judge sees the class before it is added; for each
    other strength, ``glasses=1 at +1``, the share in which it sees it then, of those that lacked it (left out if none
    did); ``y kept at +1``, of every other attribute, the share of rows in which it sees the same as at strength 0.

    Reference: T. Karras, S. Laine and T. Aila, "A style-based generator architecture for generative adversarial
    networks", 2019, section 4.1.

    Args:
        walk: of ``fit.traverse`` and the like.
        judge: a data set, whose labels train one (:func:`judge_of`), or a judge of your own.
        changed: of arithmetic, the class that was to be added, by attribute: ``{"glasses": 1}``.
        ordered: attributes whose classes stand in an order, such as sizes.

    Returns:
        The numbers by name.

    Raises:
        SettingError: for an attribute that the judge does not know, and arithmetic without strength 0.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 3), "digits", max_epochs=1, progress=False)
        >>> x, y = (fit.data.split("test")[name] for name in ("x", "y"))
        >>> list(fit.interpolate(x[:4], x[4:8]).scores(fit.data))
        ['largest step', 'path length', 'confidence in y', 'confidence in y at the ends']
    """
    own = judge if isinstance(judge, Judge) else judge_of(judge)
    values = walk.values.at(own.site)
    flat = values.flatten(0, 1)
    seen = {name: found.unflatten(0, values.shape[:2]).double() for name, found in own.classify(flat).items()}
    named = [*ordered, *changed]
    if unknown := [name for name in named if name not in seen]:
        raise SettingError(
            f"scores: the judge knows no attribute {unknown[0]!r}",
            expected=", ".join(seen) or "a judge of attributes: data with labels",
            got=repr(unknown[0]),
            fix=f"one of {', '.join(seen)}" if seen else "walk.scores(ppgen.evaluation.Judge(classify, features))",
            code="S243",
        )
    if walk.kind == "arithmetic":
        return WalkScores(_changes(walk, seen, changed), str(own))
    numbers = _steps(walk, own.features(flat).unflatten(0, values.shape[:2]).double())
    numbers |= _confidence(walk, seen)
    if walk.kind == "traversal":
        numbers |= _monotone(walk, {name: p for name, p in seen.items() if p.shape[-1] == 2 or name in ordered})
    return WalkScores(numbers, str(own))


def _steps(walk: Walk, features: Tensor) -> dict[str, Estimate]:
    """The evenness of the steps of each row that moves at all, and their length."""
    lengths = features.diff(dim=1).norm(dim=2)
    means = lengths.mean(1)
    ratios = (lengths.amax(1) / means)[means > 0]
    found = {} if not len(ratios) else {"largest step": _mean(ratios, "times the mean step", better="lower")}
    if walk.kind == "interpolation":
        shares = walk.coordinates.double().diff(dim=1)
        found["path length"] = _mean((lengths / shares).square().mean(1), "squared features", better="lower")
    return found


def _confidence(walk: Walk, seen: Mapping[str, Tensor]) -> dict[str, Estimate]:
    """The mean probability of the class that is seen, on the way and at its ends."""
    found = {}
    for name, probabilities in seen.items():
        top = probabilities.amax(-1)
        is_way = walk.kind == "interpolation" and top.shape[1] > 2
        found[f"confidence in {name}"] = _mean((top[:, 1:-1] if is_way else top).mean(1), better="higher")
        if is_way:
            found[f"confidence in {name} at the ends"] = _mean(top[:, [0, -1]].mean(1), better="higher")
    return found


def _monotone(walk: Walk, seen: Mapping[str, Tensor]) -> dict[str, Estimate]:
    """The rank correlation of each dimension with each attribute, a mean over starts."""
    dimensions = [label.partition(" from ")[0] for label in walk.row_labels]
    found = {}
    for dimension in dict.fromkeys(dimensions):
        rows = [row for row, label in enumerate(dimensions) if label == dimension]
        for name, probabilities in seen.items():
            expected = probabilities[rows] @ torch.arange(probabilities.shape[-1], dtype=torch.float64)
            each = [_spearman(a, b) for a, b in zip(walk.coordinates[rows], expected, strict=True)]
            found[f"{name} along {dimension}"] = _mean(torch.tensor(each, dtype=torch.float64), "Spearman")
    return found


def _spearman(a: Tensor, b: Tensor) -> float:
    from scipy.stats import rankdata

    ranks = [torch.from_numpy(rankdata(values.double().numpy())) for values in (a, b)]
    first, second = (rank - rank.mean() for rank in ranks)
    size = float(first.norm() * second.norm())
    return float(first @ second) / size if size else 0.0  # what does not move goes no way


def _changes(walk: Walk, seen: Mapping[str, Tensor], changed: Mapping[str, int]) -> dict[str, Estimate]:
    """What arithmetic has changed, and what it has kept, at each strength."""
    strengths = walk.coordinates[0].tolist()
    if 0.0 not in strengths:
        raise SettingError(
            "scores: arithmetic is judged against strength 0, which this walk has not",
            expected="0 among the strengths",
            got=", ".join(f"{value:g}" for value in strengths),
            fix=f"fit.arithmetic(..., strength={[0.0, *strengths]})",
            code="S244",
        )
    classes = {name: probabilities.argmax(-1) for name, probabilities in seen.items()}
    before = {name: found[:, strengths.index(0.0)] for name, found in classes.items()}
    shares = {}
    for name, wanted in changed.items():
        shares[f"{name}={wanted} at +0"] = _mean((before[name] == wanted).double(), "of rows")
    for column, strength in enumerate(strengths):
        for name, found in classes.items() if strength else ():
            lacking = before[name] != changed.get(name, -1)
            if name not in changed:
                key, hits = f"{name} kept at {strength:+g}", found[:, column] == before[name]
                shares[key] = _mean(hits.double(), "of rows", better="higher")
            elif bool(lacking.any()):
                key, hits = f"{name}={changed[name]} at {strength:+g}", found[lacking, column] == changed[name]
                shares[key] = _mean(hits.double(), "of rows", better="higher")
    return shares


def _mean(values: Tensor, unit: str = "", better: Literal["higher", "lower", ""] = "") -> Estimate:
    """A mean over rows, with its standard error where there are several."""
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
    return Estimate(float(values.mean()), error, kind="biased", unit=unit, num_data=len(values), better=better)

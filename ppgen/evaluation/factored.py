"""Codes of data whose factors are known: what scores of disentanglement look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.data import Dataset
from ppgen.data.dataset import main_site
from ppgen.declare import MISSING
from ppgen.errors import DataError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.encodings import codes_of, encodings, read_beside
from ppgen.evaluation.metric import Evaluation, Measured

__all__ = ["FactorCodes", "Factored", "factored", "factored_by", "known_factors"]


@dataclasses.dataclass(frozen=True, eq=False)
class FactorCodes:
    """One representation of data whose factors are known.

    Args:
        train: codes [N, D].
        train_factors: whole numbers from 0 on, [N, K].
        test: codes [M, D].
        test_factors: [M, K].
        seed: of all that a score draws.

    Raises:
        DataError: unless codes are finite, and factors fit them and have two values at least.
    """

    train: np.ndarray
    train_factors: np.ndarray
    test: np.ndarray
    test_factors: np.ndarray
    seed: int = 0

    def __post_init__(self) -> None:
        for what, codes, factors in (
            ("training", self.train, self.train_factors),
            ("test", self.test, self.test_factors),
        ):
            if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or not len(codes):
                raise DataError(
                    f"{what} codes and factors do not fit",
                    expected="codes [N, D] and factors [N, K]",
                    got=f"codes {list(codes.shape)} and factors {list(factors.shape)}",
                    fix="flatten the code of each datum; give each factor a column",
                    code="D120",
                )
            if not np.isfinite(codes).all() or factors.dtype.kind not in "iu" or factors.min() < 0:
                raise DataError(
                    f"{what} codes are not finite, or factors are no whole numbers from 0 on",
                    expected="finite codes, and for each factor the number of its value",
                    got=f"codes of {codes.dtype}, factors of {factors.dtype}",
                    fix="number the values of a factor: np.unique(values, return_inverse=True)[1]",
                    code="D121",
                )
        if self.train.shape[1] != self.test.shape[1] or self.train_factors.shape[1] != self.test_factors.shape[1]:
            raise DataError(
                "training and test rows have codes or factors of different number",
                expected=f"{self.train.shape[1]} codes, {self.train_factors.shape[1]} factors",
                got=f"{self.test.shape[1]} codes, {self.test_factors.shape[1]} factors",
                fix="encode both by one function",
                code="D122",
            )
        if self.train_factors.shape[1] == 0 or (self.train_factors == self.train_factors[:1]).all(0).any():
            raise DataError(
                "a factor has one value only, or there is none",
                expected="factors that vary over the training rows",
                got=f"{self.train_factors.shape[1]} factors",
                fix="leave out what does not vary",
                code="D123",
            )

    @property
    def num_codes(self) -> int:
        """D."""
        return self.train.shape[1]

    @property
    def num_factors(self) -> int:
        """K."""
        return self.train_factors.shape[1]

    def estimate(self, value: float, estimator: str, num_data: int, **said: Any) -> Estimate:
        """A score between 0 and 1 where higher is better; how it stands to that of the whole population is not known.

        Args:
            value: of the score.
            estimator: in words.
            num_data: rows or votes that it is a mean over.
            **said: more of what :class:`~ppgen.estimate.Estimate` takes.
        """
        said = {"kind": "biased", "per": "", "better": "higher"} | said
        return Estimate(value, estimator=estimator, num_data=num_data, **said)


@dataclasses.dataclass(frozen=True, eq=False)
class Factored:
    """Several representations of the same rows, by name: that which is judged is ``""``.

    Args:
        codes: the judged one first.
        names: of the factors, in the order of their columns.
    """

    codes: Mapping[str, FactorCodes]
    names: tuple[str, ...]

    def measured(self, score: Callable[[FactorCodes], Estimate]) -> Measured:
        """The score of what is judged, beside that of the others.

        Args:
            score: of one representation.
        """
        scores = {name: score(codes) for name, codes in self.codes.items()}
        return Measured(scores.pop(""), scores)


def factored(evaluation: Evaluation) -> Factored:
    """The codes of a fit, and as many principal components, of rows with known factors.

    Factors are the columns with classes, other than the data themselves: those of ``sprites`` and ``glyphs-grid`` are
    independent, as all scores assume. Rows that lack one are left out, and so are factors of one value.

    Args:
        evaluation: of a fit with a guide for local latent variables.

    Raises:
        Unanswerable: if the fit has no codes, the data have fewer than two factors, or the guide reads a factor.
    """
    found, fit = evaluation.prepared(encodings), evaluation.fit
    names = known_factors(fit.data, found.main)
    if told := [name for name in read_beside(fit, found.test, found.main) if name in names]:
        raise Unanswerable(
            f"disentanglement: the guide reads {', '.join(told)}, which its code could simply repeat",
            expected="codes of the data alone",
            got=f"a guide that is told {', '.join(told)}",
            fix="fit a model that is not conditional",
            code="U077",
        )
    kinds: dict[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
        "": lambda rows: codes_of(fit, rows),
        found.pca_name: lambda rows: found.pca.encode(rows[found.main]),
    }
    return _factored(kinds, found.train, found.test, names, evaluation.seed)


def factored_by(encode: Callable[[Tensor], Any], data: Dataset, factors: Sequence[str] | None, seed: int) -> Factored:
    """The codes that a function gives, of rows with known factors.

    Args:
        encode: from values [N, ...] of the main site to codes [N, ...].
        data: whose training and test split are encoded.
        factors: columns with classes; default: all of them.
        seed: of what scores draw.

    Raises:
        SettingError: for a factor that there is not.
        Unanswerable: if the data have fewer than two factors.
    """
    train, test = data.split("train"), data.split("test")
    main = main_site(train)
    names = known_factors(data, main)
    for name in factors or ():
        one_of("disentanglement: factors", name, names)
    return _factored({"": lambda rows: encode(rows[main])}, train, test, list(factors or names), seed)


def known_factors(data: Dataset, main: str) -> list[str]:
    """The columns with classes beside the data themselves, two at least.

    Args:
        data: with its factors as columns.
        main: the column that is encoded.

    Raises:
        Unanswerable: if there are fewer.
    """
    origin = data.origin or data
    train = origin.splits["train"]
    names = [name for name in origin.num_classes if name in train and name != main and train[name].dim() == 1]
    names = [name for name in names if len(train[name][train[name] != MISSING].unique()) > 1]
    if len(names) < 2:
        raise Unanswerable(
            f"disentanglement: too few factors of {data.name} are known",
            expected="at least two columns with classes, which vary independently",
            got=", ".join(names) or "none",
            fix='data="sprites", or "glyphs-grid"; of your own: {"x": x, "size": size, "angle": angle}, whole numbers',
            code="U078",
        )
    return names


def _factored(
    kinds: Mapping[str, Callable[[Mapping[str, Tensor]], Any]],
    train: Mapping[str, Tensor],
    test: Mapping[str, Tensor],
    names: Sequence[str],
    seed: int,
) -> Factored:
    rows = [_complete(split, names) for split in (train, test)]
    factors = [np.stack([split[name].cpu().numpy() for name in names], 1) for split in rows]
    codes = {
        kind: FactorCodes(_numbers(encode(rows[0])), factors[0], _numbers(encode(rows[1])), factors[1], seed)
        for kind, encode in kinds.items()
    }
    return Factored(codes, tuple(names))


def _complete(rows: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """The rows that lack no factor."""
    is_known = torch.stack([rows[name] != MISSING for name in names]).all(0)
    return {name: values[is_known.to(values.device)] for name, values in rows.items()}


def _numbers(codes: Any) -> np.ndarray:
    """Codes [N, D] in float64."""
    values = torch.as_tensor(codes).detach().cpu().double()
    return values.reshape(len(values), -1).numpy()

"""Representation: what the posterior means of a fit tell about the data, beside principal components and raw data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.data.dataset import Dataset
from ppgen.declare import MISSING, without_latents
from ppgen.errors import DataError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.density import explained_site
from ppgen.evaluation.probes import knn_accuracy, probe_accuracy
from ppgen.evaluation.scorecard import Answer
from ppgen.fitted import Fit

__all__ = ["PrincipalComponents", "answer_representation", "count_active_units", "reconstruction_error"]


def count_active_units(codes: Tensor, *, threshold: float = 0.01, seed: int = 0) -> Estimate:
    """The number of units whose posterior mean moves: ``sum_d [Var_x(E[z_d | x]) > threshold]``.

    The threshold is meant for codes with a standard normal prior; where units have another scale, the count depends
    on it. The standard error is by a bootstrap of the data points.

    Reference:
        Burda, Grosse and Salakhutdinov, 2016, Importance Weighted Autoencoders, section 5.2.

    Args:
        codes: posterior means [N, D], N >= 2.
        threshold: in squared units of the codes.
        seed: of the bootstrap.

    Returns:
        The count; neither more nor fewer is better.

    Raises:
        DataError: unless ``codes`` are [N, D] with N >= 2.

    Example:
        >>> count_active_units(torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])).value
        1.0
    """
    if codes.dim() != 2 or len(codes) < 2:
        raise DataError("active units need codes [N, D] with N >= 2", got=str(list(codes.shape)))
    codes = codes.detach().cpu().double()
    codes = codes - codes.mean(dim=0)  # so that the variance below, a difference of moments, loses no digits
    size = len(codes)
    generator = torch.Generator().manual_seed(seed)
    counts = []
    for _ in range(100):
        rows = torch.randint(size, (size,), generator=generator)
        weights = torch.bincount(rows, minlength=size).double() / size
        mean, square = weights @ codes, weights @ codes**2
        counts.append(((square - mean**2) > threshold).sum())
    return Estimate(
        (codes.var(dim=0) > threshold).sum().item(),
        torch.stack(counts).double().std().item(),
        kind="biased",
        unit=f"of {codes.shape[1]}",
        estimator=f"variance of the posterior mean > {threshold:g}",
        num_data=size,
    )


def reconstruction_error(x: Tensor, reconstructed: Tensor) -> Estimate:
    """The squared error per dimension, ``mean_n mean_d (x_nd - x'_nd)^2``, in the squared units of the data.

    The same number for every kind of data, also for bits, whose reconstruction is a probability (it is then the Brier
    score): likelihoods of different families would not compare. The standard error is over data points.

    Args:
        x: [N, ...].
        reconstructed: of the same shape; the mean of p(x | z) at the code.

    Returns:
        The error; lower is better.

    Raises:
        DataError: if the shapes differ.

    Example:
        >>> import torch
        >>> reconstruction_error(torch.zeros(4, 2), torch.full((4, 2), 0.5)).value
        0.25
    """
    if x.shape != reconstructed.shape or not len(x):
        raise DataError(
            "a reconstruction has the shape of the data",
            expected=str(list(x.shape)),
            got=str(list(reconstructed.shape)),
        )
    errors = ((x - reconstructed.to(x.device)).double() ** 2).flatten(1).mean(dim=1)
    return Estimate(
        errors.mean().item(),
        errors.std().item() / math.sqrt(len(errors)) if len(errors) > 1 else None,
        kind="unbiased",
        unit="squared",
        per="dimension",
        estimator="mean of p(x | z) at the code",
        num_data=len(errors),
        better="lower",
    )


@dataclasses.dataclass(frozen=True)
class PrincipalComponents:
    """The ``d`` directions of largest variance.

    Reference:
        Pearson, 1901, On Lines and Planes of Closest Fit to Systems of Points in Space.

    Args:
        mean: [D].
        directions: orthonormal rows [d, D].

    Example:
        >>> x = torch.tensor([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
        >>> pca = PrincipalComponents.fit(x, 1)
        >>> torch.allclose(pca.reconstruct(x), x, atol=1e-5)
        True
    """

    mean: Tensor
    directions: Tensor

    @classmethod
    def fit(cls, x: Tensor, num_components: int) -> PrincipalComponents:
        """Fit to rows.

        Args:
            x: [N, ...].
            num_components: d; at most as many as x has dimensions.

        Raises:
            DataError: if there are no rows.
        """
        if not len(x):
            raise DataError("principal components of an empty data set", expected="at least one row")
        flat = x.detach().cpu().flatten(1).double()
        mean = flat.mean(dim=0)
        centred = flat - mean
        # Eigenvectors of the covariance: N may be large, D is not. Scikit-learn's PCA turns some of the directions
        # round, and so would change probes that are trained on the codes in their last digits.
        directions = torch.linalg.eigh(centred.mT @ centred).eigenvectors.flip(1)[:, :num_components].mT
        return cls(mean, directions)

    @property
    def num_components(self) -> int:
        """How many directions there are."""
        return len(self.directions)

    def encode(self, x: Tensor) -> Tensor:
        """Codes [N, d] of rows x [N, ...]."""
        return (x.detach().cpu().flatten(1).double() - self.mean) @ self.directions.mT

    def reconstruct(self, x: Tensor) -> Tensor:
        """The nearest points [N, ...] to rows x [N, ...] within the subspace."""
        return (self.encode(x) @ self.directions + self.mean).reshape(x.shape).to(x.dtype)


_MOST_ROWS = 10_000  # of the training split: more would hardly move a probe


def answer_representation(fit: Fit, seed: int) -> Answer:
    """What the posterior means of the test split tell, beside raw pixels and principal components.

    The code of a data point is the posterior mean of all its latent variables, flattened and joined. Probes learn
    from the codes of the training split. They are refused where the guide reads the label itself: it could simply be
    repeated in the code.

    Args:
        fit: a fit with a guide for local latent variables.
        seed: of folds, subsets and bootstraps.

    Returns:
        Estimates ``linear_probe``, ``knn``, ``reconstruction_error``, ``active_units``; baselines ``raw pixels`` and
        ``PCA-d``, with d the dimension of the code.
    """
    train, test = _training_rows(fit.data, seed), fit.data.split("test")
    codes = _codes(fit, test)
    main = explained_site(fit, test)
    made = fit.reconstruct(without_latents(fit.model, test), site=main)
    answer = Answer({"reconstruction_error": reconstruction_error(test[main], made)})
    if len(codes) > 1:
        answer.estimates["active_units"] = count_active_units(codes, seed=seed)
    pca = PrincipalComponents.fit(train[main], codes.shape[1])
    pca_name = f"PCA-{pca.num_components}"
    answer.baselines[f"reconstruction_error {pca_name}"] = reconstruction_error(test[main], pca.reconstruct(test[main]))

    label = _label(fit.data, main)
    refusal = "the data have no labels to probe for" if label is None else _told(fit, test, label)
    if label is None or refusal:
        answer.refusals |= dict.fromkeys(("linear_probe", "knn"), refusal)
        return answer
    codes = codes[test[label].to(codes.device) != MISSING]
    train, test = (
        {key: column[split[label] != MISSING] for key, column in split.items()}  # labels may be missing
        for split in (train, test)
    )

    def probes(train_codes: Tensor, test_codes: Tensor) -> dict[str, Estimate]:
        data = [part.cpu().numpy() for part in (train_codes, train[label], test_codes, test[label])]
        return {"linear_probe": probe_accuracy(*data, seed=seed), "knn": knn_accuracy(*data)}

    answer.estimates |= probes(_codes(fit, train), codes)
    for name, encode in (("raw pixels", _flat), (pca_name, pca.encode)):
        scores = probes(encode(train[main]), encode(test[main]))
        answer.baselines |= {f"{metric} {name}": estimate for metric, estimate in scores.items()}
    return answer


def _codes(fit: Fit, batch: Mapping[str, Tensor]) -> Tensor:
    """Posterior means [N, D] on the CPU, those of several latent variables side by side."""
    means = fit.encode(without_latents(fit.model, batch))
    if not means:
        raise Unanswerable("no representation: all latent variables are global, so that data points have no code")
    return torch.cat([_flat(part) for part in means.values()], dim=1)


def _flat(values: Tensor) -> Tensor:
    return values.detach().cpu().flatten(1)


def _training_rows(data: Dataset, seed: int) -> dict[str, Tensor]:
    """Training data, of many a random subset, with the labels that the model was not shown: all models judged alike."""
    train = dict(data.split("train"))
    if data.origin is not None:
        train |= {key: data.origin.splits["train"][key] for key in data.num_classes if key in train}
    size = len(next(iter(train.values())))
    if size <= _MOST_ROWS:
        return train
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(seed))[:_MOST_ROWS]
    return {key: tensor[rows.to(tensor.device)] for key, tensor in train.items()}


def _label(data: Dataset, main: str) -> str | None:
    """The covariate that probes look for: ``y``, else the first with classes."""
    labels = [key for key in data.num_classes if key != main]
    return "y" if "y" in labels else next(iter(labels), None)


def _told(fit: Fit, batch: Mapping[str, Tensor], label: str) -> str:
    """Why a probe for ``label`` would be void, if it would: codes that change with the label have been told it."""
    head = {key: tensor[:256] for key, tensor in batch.items()}
    other = {**head, label: (head[label] + 1) % fit.data.num_classes[label]}
    if torch.allclose(_codes(fit, head), _codes(fit, other), rtol=1e-5, atol=1e-6):  # on a GPU, sums may differ a hair
        return ""
    return f"the guide reads {label}, which its code could simply repeat"

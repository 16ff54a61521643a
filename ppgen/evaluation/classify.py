"""Classification by Bayes' rule: which class makes a row most probable, by a density that is told the class."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.data import as_batch
from ppgen.data.dataset import main_site
from ppgen.declare import MISSING, label_of
from ppgen.errors import SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.density import kind_of_density
from ppgen.evaluation.encodings import training_rows
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric
from ppgen.evaluation.probes import accuracy, once, probe_accuracy
from ppgen.evaluation.suspects import some_rows
from ppgen.fitted import Fit

__all__ = ["ClassPosterior", "bayes_accuracy", "classify"]

_MOST_ROWS = 1000  # of the test split: the accuracy is known to 1.6 in a hundred at worst


@dataclasses.dataclass(frozen=True, eq=False)
class ClassPosterior:
    """What :meth:`ppgen.Fit.classify` found of each row.

    Args:
        probabilities: p(class | row), [N, K], float64; each row sums to 1.
        log_joint: their logarithms before they are normalised, [N, K]: the log-density of a row with each class, with
            that of the class.
        site: the column that holds the class.
        density: what kind of number the log-density is: ``"exact"``, or ``"lower bound, IWAE-100"``.
        prior: where the probability of a class, seen alone, comes from.
    """

    probabilities: Tensor
    log_joint: Tensor
    site: str
    density: str
    prior: str

    @property
    def classes(self) -> Tensor:
        """The most probable class of each row, [N]."""
        return self.probabilities.argmax(1)

    def __len__(self) -> int:
        return len(self.probabilities)

    def __str__(self) -> str:
        rows, classes = self.probabilities.shape
        sure = float(self.probabilities.amax(1).mean())
        return (
            f"{self.site} of {rows} rows among {classes} classes by Bayes' rule (log-density: {self.density}; prior: "
            f"{self.prior}): mean probability of the chosen class {sure:.3f}"
        )


@checked
def classify(
    fit: Fit,
    x: Any = None,
    site: str | None = None,
    *,
    prior: Sequence[float] | None = None,
    num_particles: int = 100,
    seed: int = 0,
) -> ClassPosterior:
    """The probability of each class by Bayes' rule, ``p(x | y) p(y) / sum_c p(x | c) p(c)``: ``fit.classify(x)``.

    Any density that is told a class is a classifier, though it was not trained as one. Where the class is a covariate,
    its prior is the share of each class among the training labels, or ``prior``. Where it is a site of the model,
    observed or latent, the model's own prior is part of its density. Without latents, p(x | y) is exact and so is the
    answer; else p(x | y) is the IWAE bound, by the same draws for each class, and the answer is as good as the bounds
    are tight: more ``num_particles`` tell.

    Reference: A. Ng and M. Jordan, "On discriminative vs. generative classifiers", 2001.

    Args:
        fit: what ``ppgen.fit`` returned, of a model that is told a class.
        x: rows as :meth:`ppgen.Fit.log_prob` takes them, with or without a column for the class, which is not looked
            at; default: the test split.
        site: the column that holds the class; default: the only one that the model is told.
        prior: p(y), one positive number a class, which need not sum to 1.
        num_particles: of bounds on log p(x | y), where there are latents.
        seed: of their draws.

    Returns:
        The probabilities, [N, K].

    Raises:
        Unanswerable: if the model is told no class, or has no density.
        SettingError: for a column that is no class of the model's, and a prior of another length or of a site that
            has its own.

    Example:
        >>> import ppgen
        >>> data = ppgen.data.load("digits")
        >>> fit = ppgen.fit(ppgen.models.ConditionalVAE((1, 8, 8)), data, max_epochs=1, progress=False)
        >>> found = fit.classify(data.split("test")["x"][:5], num_particles=10)
        >>> found.probabilities.shape, found.density
        (torch.Size([5, 10]), 'lower bound, IWAE-10')
    """
    name = _class_site(fit, site)
    count = fit.data.num_classes[name]
    is_told = name not in {fit.model.column_of(each) for each in fit.model.sites}
    log_prior, said = _log_prior(fit, name, prior) if is_told else _own_prior(fit, name, prior)
    columns = dict(fit.data.split("test") if x is None else as_batch(x, fit.data))
    rows = len(next(iter(columns.values())))
    dtype = fit.data.splits["train"][name].dtype
    supposed = [columns | {name: torch.full((rows,), each, dtype=dtype)} for each in range(count)]
    scores = [fit.log_prob_per_datum(each, num_particles, seed=seed) for each in supposed]
    log_joint = torch.stack(scores, 1) + log_prior
    density = kind_of_density(fit, supposed[0], num_particles, seed)
    return ClassPosterior(log_joint.softmax(1), log_joint, name, density, said)


@metric(question="representation", title="Bayes' rule", unit="accuracy", better="higher", prepare=itself)
def bayes_accuracy(evaluation: Evaluation) -> Measured:
    """The test accuracy of the fit's own density as a classifier, beside a logistic regression on raw values.

    Kind: unbiased.
    Source: Ng and Jordan, 2002, On discriminative vs. generative classifiers.
    """
    fit, seed = evaluation.fit, evaluation.seed
    name = _class_site(fit, None)
    test, train = dict(fit.data.split("test")), training_rows(fit.data, seed)
    test, train = ({key: column[split[name] != MISSING] for key, column in split.items()} for split in (test, train))
    test = some_rows(test, _MOST_ROWS, seed)
    found = classify(fit, test, name, num_particles=evaluation.num_particles, seed=seed)
    labels = test[name].cpu().numpy()
    estimate = accuracy(found.classes.cpu().numpy(), labels, f"p(x | {name}) by Bayes' rule, {found.density}")
    return Measured(estimate, _discriminative(train, test, name, seed))


def _discriminative(train: dict[str, Tensor], test: dict[str, Tensor], name: str, seed: int) -> dict[str, Estimate]:
    """A logistic regression on raw values: what telling the classes apart comes to without a density."""
    main = main_site(train)
    if main == name:
        return {}
    arrays: list[np.ndarray] = []
    for split in (train, test):
        arrays += [split[main].reshape(len(split[main]), -1).cpu().numpy(), split[name].cpu().numpy()]
    return {"linear probe of raw values": once(probe_accuracy, *arrays, seed=seed)}


def _class_site(fit: Fit, site: str | None) -> str:
    """The column of classes that the model's density changes with."""
    # The latents of a program in Pyro's own words are drawn whatever the data say.
    given = [each for each, found in fit.model.sites.items() if found.role != "latent" or fit.model.is_declared]
    own, labels = {fit.model.column_of(each) for each in given}, fit.data.splits["train"]
    known = [
        name for name in fit.data.num_classes if (name in own or name in fit.covariates) and labels[name].dim() == 1
    ]
    if not known:
        raise Unanswerable(
            f"classify: {label_of(fit.model)} is told no class, so that its density cannot choose one",
            expected="a model with a class among its covariates or sites, such as p(x | y)",
            got=fit.density_of,
            fix="ppgen.models.ConditionalVAE(x_shape), fitted to data with labels; a classifier of codes is fitted by "
            'ppgen.evaluate(fit, ["linear_probe"])',
            code="U083",
        )
    if site is None and len(known) > 1:
        raise SettingError(
            f"classify: {label_of(fit.model)} is told several classes",
            expected="the name of the one to find out, while the others are given",
            got=", ".join(known),
            fix=f"fit.classify(x, {known[0]!r})",
            code="S237",
        )
    if site is not None and site not in known:
        raise SettingError(
            f"classify: {site!r} is no class that {label_of(fit.model)} is told",
            expected=" or ".join(map(repr, known)),
            got=repr(site),
            fix=f"fit.classify(x, {known[0]!r})",
            code="S238",
        )
    return site or known[0]


def _log_prior(fit: Fit, name: str, prior: Sequence[float] | None) -> tuple[Tensor, str]:
    """``log p(y)`` [K] of a class that the model is told, and where it comes from."""
    count = fit.data.num_classes[name]
    if prior is None:
        labels = fit.data.splits["train"][name].cpu().long()
        weights = torch.bincount(labels[labels != MISSING], minlength=count).double()
        said = "shares of training labels"
    else:
        weights, said = torch.as_tensor(prior, dtype=torch.float64), "as given"
    if weights.shape != (count,) or not bool((weights >= 0).all() & (weights.sum() > 0)):
        raise SettingError(
            "classify: prior is no distribution over the classes",
            expected=f"{count} numbers, none negative, not all zero",
            got=repr(prior)[:80],
            fix=f"prior={[1.0] * count}",
            code="S239",
        )
    return (weights / weights.sum()).log(), said


def _own_prior(fit: Fit, name: str, prior: Sequence[float] | None) -> tuple[Tensor, str]:
    """Nothing to add: the density of a model with the class among its sites holds the class's own."""
    if prior is not None:
        raise SettingError(
            f"classify: {name} is a site of {label_of(fit.model)}, which has a prior of its own for it",
            expected="no prior",
            got=repr(prior)[:80],
            fix="leave prior out",
            code="S240",
        )
    return torch.zeros(fit.data.num_classes[name], dtype=torch.float64), "the model's own"

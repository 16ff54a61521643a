"""The codes of a fit, the data that they stand for, and principal components beside them: what probes look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.data.column import lengths_of
from ppgen.data.dataset import Dataset, main_site
from ppgen.declare import MISSING, without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.metric import Evaluation
from ppgen.evaluation.principal_components import PrincipalComponents
from ppgen.explained import seen_part
from ppgen.fitted import Fit

__all__ = [
    "Encodings",
    "Labelled",
    "codes_of",
    "encodings",
    "label_of_interest",
    "labelled",
    "read_beside",
    "training_rows",
]

_FEW = 256  # rows that tell what a guide reads
_MOST_ROWS = 10_000  # of the training split: more would hardly move a probe


@dataclasses.dataclass(frozen=True)
class Encodings:
    """The test split, its codes and reconstructions.

    The code of a data point is the posterior mean of all its latent variables, flattened and joined.

    Args:
        train: rows of the training split by column, at most 10,000, with the labels that the model was not shown.
        test: the test split by column.
        main: the column that the data set is about.
        codes: of the test split, [N, D].
        pca: as many principal components of the training rows as a code has dimensions.
    """

    train: Mapping[str, Tensor]
    test: Mapping[str, Tensor]
    main: str
    codes: Tensor
    pca: PrincipalComponents

    @property
    def pca_name(self) -> str:
        """What the principal components are called as a baseline."""
        return f"PCA-{self.pca.num_components}"


def encodings(evaluation: Evaluation) -> Encodings:
    """The codes of the test split.

    Args:
        evaluation: of a fit with a guide for local latent variables.

    Raises:
        Unanswerable: if the fit has no codes.
    """
    fit = evaluation.fit
    if reason := fit.unanswerable("representation"):
        raise Unanswerable(reason, code="U003")
    train, test = training_rows(fit.data, evaluation.seed), fit.data.split("test")
    main, codes = main_site(test), codes_of(fit, test)
    return Encodings(train, test, main, codes, PrincipalComponents.fit(train[main], codes.shape[1]))


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Codes of the rows that have a label, by the name of the code: the fit's own is ``""``.

    Args:
        codes: training codes [N, D] and test codes [M, D] by name.
        train_labels: [N].
        test_labels: [M].
    """

    codes: Mapping[str, tuple[Tensor, Tensor]]
    train_labels: Tensor
    test_labels: Tensor


def labelled(evaluation: Evaluation) -> Labelled:
    """Codes of labelled rows, beside raw pixels and principal components.

    Refused where the guide reads anything beside the data that it encodes: labels or attributes, which the code could
    simply repeat. A copy of a part of the data, and the lengths of sequences, are the data themselves.

    Args:
        evaluation: of a fit with a guide for local latent variables.

    Raises:
        Unanswerable: if the fit has no codes, the data have no labels, or the guide reads more than the data.
    """
    found, fit = evaluation.prepared(encodings), evaluation.fit
    label = label_of_interest(fit.data, found.main)
    if label is None:
        raise Unanswerable("the data have no labels to probe for", code="U004")
    if told := read_beside(fit, found.test, found.main):
        raise Unanswerable(f"the guide reads {', '.join(told)}, which its code could simply repeat", code="U005")
    known = found.test[label] != MISSING
    train, test = (
        {key: column[split[label] != MISSING] for key, column in split.items()}  # labels may be missing
        for split in (found.train, found.test)
    )
    inputs = train[found.main], test[found.main]
    codes = {
        "": (codes_of(fit, train), found.codes[known.to(found.codes.device)]),
        "raw pixels": (_flat(inputs[0]), _flat(inputs[1])),
        found.pca_name: (found.pca.encode(inputs[0]), found.pca.encode(inputs[1])),
    }
    return Labelled(codes, train[label], test[label])


def codes_of(fit: Fit, batch: Mapping[str, Tensor], *, seed: int = 0) -> Tensor:
    """Posterior means [N, D] on the CPU, those of several latent variables side by side.

    Args:
        fit: a fit with a guide for local latent variables.
        batch: tensors [N, ...] by site and covariate.
        seed: of draws, where a mean has no closed form.

    Raises:
        Unanswerable: if all latent variables are global.
    """
    means = fit.encode(without_latents(fit.model, batch), seed=seed)
    if not means:
        raise Unanswerable(
            "no representation: all latent variables are global, so that data points have no code", code="U006"
        )
    return torch.cat([_flat(part) for part in means.values()], dim=1)


def _flat(values: Tensor) -> Tensor:
    return values.detach().cpu().reshape(len(values), -1)


def training_rows(data: Dataset, seed: int) -> dict[str, Tensor]:
    """Training data, of many a random subset, with the labels that the model was not shown: all models judged alike.

    Args:
        data: whose training split is taken.
        seed: of the subset.
    """
    train = dict(data.split("train"))
    if data.origin is not None:
        train |= {key: data.origin.splits["train"][key] for key in data.num_classes if key in train}
    size = len(next(iter(train.values())))
    if size <= _MOST_ROWS:
        return train
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(seed))[:_MOST_ROWS]
    return {key: tensor[rows.to(tensor.device)] for key, tensor in train.items()}


def label_of_interest(data: Dataset, main: str) -> str | None:
    """The covariate that probes look for: ``y``, else the first with classes, if there is one.

    Args:
        data: the data set.
        main: what it is about, which is no label.
    """
    labels = [key for key in data.num_classes if key != main]
    return "y" if "y" in labels else next(iter(labels), None)


def read_beside(fit: Fit, batch: Mapping[str, Tensor], main: str) -> list[str]:
    """The columns beside the data that codes change with, so that a probe of the codes would be void.

    Args:
        fit: with codes.
        batch: rows [N, ...] by column.
        main: the column that is encoded.
    """
    size = len(batch[main])
    head = {key: tensor[:_FEW] for key, tensor in batch.items()}
    own = {main, lengths_of(main, batch), *(seen_part(head, main, fit.covariates) or ())}
    others = torch.randperm(size, generator=torch.Generator().manual_seed(0))[:_FEW]
    codes, told = codes_of(fit, head), []
    for key in (key for key in batch if key not in own):
        changed = codes_of(fit, {**head, key: batch[key][others.to(batch[key].device)]})
        # On a GPU, sums may differ a hair.
        told += [] if torch.allclose(codes, changed, rtol=1e-5, atol=1e-6) else [key]
    return told

"""What does the model's code tell about the data?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ppgen.data.dataset import Dataset, main_site
from ppgen.declare.batch import MISSING, without_latents
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.active_units import count_active_units
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.conditions import only
from ppgen.evaluation.knn import knn_accuracy
from ppgen.evaluation.linear_probe import probe_accuracy
from ppgen.evaluation.principal_components import PrincipalComponents
from ppgen.evaluation.reconstruction import reconstruction_error

if TYPE_CHECKING:
    from ppgen.fitting import Fit

__all__ = ["answer_representation"]

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
    train, test = _head(_training_rows(fit.data), seed), fit.data.split("test")
    main = main_site(test)
    codes = _codes(fit, test)
    made = only(fit.reconstruct(without_latents(fit.model, test)), main)
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
    train, test = _labelled(train, label), _labelled(test, label)
    labels = _numpy(train[label]), _numpy(test[label])
    answer.estimates |= _probes(_numpy(_codes(fit, train)), _numpy(codes), *labels, seed)
    for name, encode in (("raw pixels", _flat), (pca_name, pca.encode)):
        scores = _probes(_numpy(encode(train[main])), _numpy(encode(test[main])), *labels, seed)
        answer.baselines |= {f"{metric} {name}": estimate for metric, estimate in scores.items()}
    return answer


def _codes(fit: Fit, batch: Mapping[str, Tensor]) -> Tensor:
    """Posterior means [N, D] on the CPU, those of several latent variables side by side."""
    means = fit.encode(without_latents(fit.model, batch))
    parts = list(means.values()) if isinstance(means, Mapping) else [means]
    if not parts:
        raise Unanswerable("no representation: all latent variables are global, so that data points have no code")
    return torch.cat([_flat(part) for part in parts], dim=1)


def _flat(values: Tensor) -> Tensor:
    return values.detach().cpu().flatten(1)


def _training_rows(data: Dataset) -> dict[str, Tensor]:
    """The training split, with the labels that the model was not shown: probes judge it, and all models alike."""
    train = data.split("train")
    if data.origin is None:
        return train
    return train | {key: data.origin.splits["train"][key] for key in data.num_classes if key in train}


def _labelled(split: Mapping[str, Tensor], label: str) -> dict[str, Tensor]:
    known = split[label] != MISSING
    return {key: column[known] for key, column in split.items()}


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def _head(split: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """A random subset of a large split."""
    size = len(next(iter(split.values())))
    if size <= _MOST_ROWS:
        return dict(split)
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(seed))[:_MOST_ROWS]
    return {key: tensor[rows.to(tensor.device)] for key, tensor in split.items()}


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


def _probes(
    train_codes: np.ndarray, test_codes: np.ndarray, train_labels: np.ndarray, test_labels: np.ndarray, seed: int
) -> dict[str, Estimate]:
    data = (train_codes, train_labels, test_codes, test_labels)
    return {"linear_probe": probe_accuracy(*data, seed=seed), "knn": knn_accuracy(*data)}

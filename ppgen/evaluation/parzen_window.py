"""A Parzen window over samples: a density of anything that can be sampled, and a warning."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.density import explained_site
from ppgen.evaluation.metric import Evaluation, itself, metric
from ppgen.explained import name_of_density

__all__ = ["kde", "parzen_log_prob"]

_MOST = 10_000  # samples, and data of either split
_WIDTHS = tuple(10.0 ** (-2.0 + 0.1 * step) for step in range(25))  # 0.01 to 2.5, in units of the data
_PIECE = 512


def parzen_log_prob(samples: Tensor, x: Tensor, widths: tuple[float, ...]) -> Tensor:
    """``log 1/M sum_m Normal(x_n; s_m, w^2 I)`` of each datum at each width w, [len(widths), N], float64, nats.

    Args:
        samples: s, [M, ...].
        x: [N, ...].
        widths: standard deviations w.

    Raises:
        DataError: if samples and data are of different shapes, or there are none.

    Example:
        >>> parzen_log_prob(torch.zeros(3, 1), torch.zeros(1, 1), (1.0,)).item()  # a standard normal at 0
        -0.9189385...
    """
    if not len(samples) or not len(x) or samples.shape[1:] != x.shape[1:]:
        raise DataError(
            "a Parzen window needs samples of the shape of the data",
            expected=str(list(x.shape[1:])),
            got=str(list(samples.shape)),
            fix="fit.sample(1000, site='x')",
            code="D131",
        )
    samples, x = samples.flatten(1).double(), x.flatten(1).double()
    at = torch.tensor(widths, dtype=torch.float64)
    size, dim = samples.shape
    constant = math.log(size) + dim * (at.log() + 0.5 * math.log(2 * math.pi))
    found = []
    for piece in x.split(_PIECE):
        squares = torch.cdist(piece, samples, compute_mode="donot_use_mm_for_euclid_dist").square()
        found.append(torch.stack([(-0.5 * squares / width**2).logsumexp(1) for width in widths]))
    return torch.cat(found, 1) - constant.unsqueeze(1)


@metric(prepare=itself, question="density", title="Parzen window", unit="nats/datum", better="higher")
def kde(evaluation: Evaluation) -> Estimate:
    """The log-density of the test split under Gaussian windows around samples; their width is that of validation data.

    A caution, and no likelihood: it ranks a model that repeats cluster centres above the true one (Theis, van den Oord
    & Bethge, 2016, A note on the evaluation of generative models; Wu et al., 2017, On the quantitative analysis of
    decoder-based generative models). It is here so that a reader of older papers can see by how much it is off.

    Kind: biased.
    Source: Parzen, 1962, On estimation of a probability density function and mode.
    """
    fit = evaluation.fit
    test, valid = fit.data.split("test"), fit.data.split("valid")
    site = explained_site(fit, test)
    column = fit.model.column_of(site)
    size = evaluation.num_samples or min(_MOST, len(test[column]))
    samples = fit.sample(size, site=site, seed=evaluation.seed).cpu()
    held = parzen_log_prob(samples, valid[column][:_MOST].cpu(), _WIDTHS).mean(1)
    width = _WIDTHS[int(held.argmax())]
    values = parzen_log_prob(samples, test[column][:_MOST].cpu(), (width,))[0]
    return Estimate(
        float(values.mean()),
        float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else None,
        kind="biased",
        unit="nats",
        measure="continuous",
        estimator=f"{size} samples, width {width:.2g}",
        num_data=len(values),
        better="higher",
        of=name_of_density([column], (), column, None),
        num_dims=test[column][0].numel(),
    )

"""The latent space as a map of the data: is it continuous both ways, and does all of it decode to something?"""

from __future__ import annotations

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.encodings import encodings
from ppgen.evaluation.feature_sets import subset_errors
from ppgen.evaluation.metric import Evaluation, Measured, metric
from ppgen.evaluation.prdc import precision_and_recall
from ppgen.evaluation.sampling import Clouds, decoded_clouds

__all__ = ["completeness", "continuity", "neighbourhoods_kept", "trustworthiness"]

_MOST_ROWS = 1000  # all pairs of which are compared
_NEIGHBOURS = 10


def neighbourhoods_kept(x: Tensor, codes: Tensor, *, k: int = _NEIGHBOURS, seed: int = 0) -> tuple[Estimate, Estimate]:
    """Trustworthiness and continuity: which neighbours a map from data to codes invents, and which it loses.

    Trustworthiness is 1 where the ``k`` nearest codes of each code belong to data that are among the ``k`` nearest of
    its datum, and less by the ranks, in the data, of those that are not; continuity is the same with the roles of data
    and codes exchanged: 1 where data that are near have codes that are near. A map by chance has about 1/2 in both.
    Standard errors are by random halves (:func:`subset_errors`), whose neighbourhoods are half as dense.

    Reference: J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection methods", 2001, equations 1
    and 2; scikit-learn computes it.

    Args:
        x: data [N, ...], N > 4 k.
        codes: [N, D].
        k: neighbours.
        seed: of the halves.

    Returns:
        (trustworthiness, continuity), each between 0 and 1; higher is better.

    Raises:
        DataError: unless both are finite, have the same rows, and are enough.

    Example:
        >>> x = torch.randn(100, 3)
        >>> trusted, continuous = neighbourhoods_kept(x, 2.0 * x)
        >>> trusted.value, continuous.value
        (1.0, 1.0)
    """
    whole_number("neighbourhoods_kept: k", k, suggested=_NEIGHBOURS)
    data, points = (side.detach().cpu().reshape(len(side), -1).double() for side in (x, codes))
    if len(x) != len(codes) or len(x) <= 4 * k or not bool(data.isfinite().all() & points.isfinite().all()):
        raise DataError(
            "neighbourhoods of data and codes cannot be compared",
            expected=f"finite data and codes of the same rows, more than {4 * k} for {k} neighbours",
            got=f"{list(x.shape)} and {list(codes.shape)}",
            fix="pass a code for each of more data",
            code="D140",
        )
    rows = torch.arange(len(x))
    # The same rows of both sides: those of the second set are not needed.
    errors = subset_errors(lambda some, _: _kept(data[some], points[some], k), rows, rows, seed=seed)
    trusted, continuous = (
        Estimate(value, error, kind="biased", estimator=f"{k} nearest", num_data=len(x), better="higher")
        for value, error in zip(_kept(data, points, k), errors, strict=True)
    )
    return trusted, continuous


def _kept(x: Tensor, codes: Tensor, k: int) -> tuple[float, float]:
    from sklearn.manifold import trustworthiness as rank_loss
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return rank_loss(x.numpy(), codes.numpy(), n_neighbors=k), rank_loss(codes.numpy(), x.numpy(), n_neighbors=k)


def _neighbourhoods(evaluation: Evaluation) -> tuple[Measured, Measured]:
    """Both of the test split's codes, beside those of principal components."""
    found = evaluation.prepared(encodings)
    x = found.test[found.main].cpu()
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(evaluation.seed))[:_MOST_ROWS]
    own, pca = (
        neighbourhoods_kept(x[rows], codes[rows], seed=evaluation.seed)
        for codes in (found.codes.cpu(), found.pca.encode(x).cpu())
    )
    trusted, continuous = (Measured(mine, {found.pca_name: its}) for mine, its in zip(own, pca, strict=True))
    return trusted, continuous


@metric(prepare=_neighbourhoods, question="latent-space", better="higher")
def trustworthiness(found: tuple[Measured, Measured]) -> Measured:
    """Whether codes that are near belong to data that are near.

    Kind: biased.
    Source: Venna and Kaski, 2001, Neighborhood preservation in nonlinear projection methods.
    """
    return found[0]


@metric(prepare=_neighbourhoods, question="latent-space", better="higher")
def continuity(found: tuple[Measured, Measured]) -> Measured:
    """Whether data that are near have codes that are near.

    Kind: biased.
    Source: Venna and Kaski, 2001, Neighborhood preservation in nonlinear projection methods.
    """
    return found[1]


@metric(prepare=decoded_clouds, question="latent-space", better="higher")
def completeness(found: Clouds) -> Measured:
    """The share of the prior's draws that decode to something like data: inside the neighbourhoods of test data.

    It is the precision of Kynkäänniemi et al. (2019) of the likelihood's means, in the features of the data set's
    network, and stands beside that of decoded training codes: what falls short of theirs are holes of the latent space.

    Kind: biased.
    Source: Kynkäänniemi et al., 2019 (arXiv 1904.06991).
    """
    return found.measured(lambda real, others: precision_and_recall(real, others)[0])

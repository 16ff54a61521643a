"""Principal components: the linear code beside which others are judged."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ppgen.errors import DataError

__all__ = ["PrincipalComponents"]


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
            raise DataError(
                "principal components of an empty data set",
                expected="at least one row",
                fix="pass the codes or data of at least one data point",
                code="D069",
            )
        flat = x.detach().cpu().reshape(len(x), -1).double()
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
        return (x.detach().cpu().reshape(len(x), -1).double() - self.mean) @ self.directions.mT

    def reconstruct(self, x: Tensor) -> Tensor:
        """The nearest points [N, ...] to rows x [N, ...] within the subspace."""
        return (self.encode(x) @ self.directions + self.mean).reshape(x.shape).to(x.dtype)

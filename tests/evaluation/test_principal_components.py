from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA

from ppgen.errors import DataError
from ppgen.evaluation import PrincipalComponents


def test_against_scikit_learn() -> None:
    x = torch.randn(50, 2, 3) @ torch.tensor([[2.0, 0.3, 0.0], [0.0, 1.0, 0.2], [0.0, 0.0, 0.5]])
    ours, theirs = PrincipalComponents.fit(x, 4), PCA(4).fit(x.flatten(1))
    torch.testing.assert_close(
        ours.encode(x).abs(), torch.from_numpy(theirs.transform(x.flatten(1))).abs().double(), atol=1e-4, rtol=1e-4
    )
    expected = torch.from_numpy(theirs.inverse_transform(theirs.transform(x.flatten(1)))).reshape(x.shape).float()
    torch.testing.assert_close(ours.reconstruct(x), expected, atol=1e-4, rtol=1e-4)


def test_never_more_directions_than_dimensions() -> None:
    pca = PrincipalComponents.fit(torch.randn(10, 3), 20)
    assert pca.num_components == 3
    torch.testing.assert_close(pca.directions @ pca.directions.mT, torch.eye(3, dtype=torch.float64))


def test_no_data() -> None:
    with pytest.raises(DataError):
        PrincipalComponents.fit(torch.zeros(0, 3), 2)

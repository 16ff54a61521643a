from __future__ import annotations

import numpy as np
import torch

from ppgen.fitting.arviz_bridge import to_arviz


def test_draws_keep_their_shapes_and_values() -> None:
    z, x = torch.randn(30, 4, 2), torch.randn(4, 3)
    made = to_arviz({"z": z, "mu": z[:, 0]}, {"x": x, "y": torch.arange(4)})
    np.testing.assert_array_equal(made.posterior["z"].values, z.numpy()[None])
    assert made.posterior["mu"].shape == (1, 30, 2)
    np.testing.assert_array_equal(made.observed_data["x"].values, x.numpy())
    assert made.observed_data["y"].dtype.kind == "i"


def test_arviz_reads_them_as_its_own() -> None:
    import arviz

    torch.manual_seed(0)
    made = to_arviz({"z": torch.randn(2000, 1) * 0.5 + 3.0}, {"x": torch.zeros(1)})
    summary = arviz.summary(made, var_names=["z"])
    assert abs(float(summary["mean"].iloc[0]) - 3.0) < 0.05
    assert abs(float(summary["sd"].iloc[0]) - 0.5) < 0.05

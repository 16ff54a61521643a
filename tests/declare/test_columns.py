"""What an observed site was given is told by the tensor, and what a fit says of its density follows."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Program
from ppgen.inference.predictive import covariates


def regression(xs: Tensor, ys: Tensor | None = None) -> None:
    slope = pyro.param("slope", torch.full((3,), 2.0))
    with pyro.plate("data", len(xs)):
        pyro.sample("obs", dist.Normal(xs @ slope, 0.5), obs=ys)


def swapped(x: Tensor, y: Tensor) -> None:
    """A site that bears the name of another column than its own."""
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(x.mean(-1), 1.0), obs=y)


def by_name(x: Tensor, y: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(y.unsqueeze(-1), 1.0).expand([len(x), 3]).to_event(1), obs=2 * x)


def in_steps(x: Tensor, y: Tensor) -> None:
    with pyro.plate("data", len(x)):
        for t in range(3):
            pyro.sample(f"x_{t}", dist.Normal(y, 1.0), obs=x[:, t])


def flattened(images: Tensor, y: Tensor) -> None:
    with pyro.plate("data", len(images)):
        loc = y[:, None].expand(-1, 3)
        pyro.sample("pixels", dist.Normal(loc, 1.0).to_event(1), obs=images.flatten(1))


@pytest.mark.parametrize(
    ("model", "keys", "columns", "expected"),
    [
        (regression, ("xs", "ys"), {"obs": "ys"}, ["xs"]),
        (swapped, ("x", "y"), {"x": "y"}, ["x"]),
        (by_name, ("x", "y"), {"x": "x"}, ["y"]),
        (in_steps, ("x", "y"), {}, ["y"]),
        (flattened, ("images", "y"), {"pixels": "images"}, ["y"]),
    ],
)
def test_the_tensor_tells_which_column_a_site_explains(
    model: Any, keys: tuple[str, str], columns: dict[str, str], expected: list[str]
) -> None:
    data = ppgen.data.from_tensors({keys[0]: torch.randn(40, 3), keys[1]: torch.randn(40)})
    program = Program(model).setup(data.representative_rows())
    assert {site: program.model.column_of(site) for site in columns} == columns
    assert covariates(program.model, data) == (expected, expected)
    assert program.model.covariates == tuple(expected)


def test_a_fit_says_and_draws_the_density_that_the_program_has() -> None:
    x = torch.randn(60, 3)
    data = {"xs": x, "ys": 2 * x.sum(-1)}
    fit = ppgen.fit(Program(regression), data, max_epochs=1, learning_rate=1e-6, progress=False)
    assert fit.density_of == "p(obs | xs)"
    assert fit.covariates == ["xs"]
    drawn = fit.sample(4000, xs=torch.ones(4000, 3)).only
    assert float(drawn.mean()) == pytest.approx(6.0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.03)


def test_sizes_that_a_program_reads_from_the_data_are_those_of_the_data() -> None:
    def topics(docs: Tensor) -> None:
        weights = pyro.param("weights", torch.tensor([0.1, 0.2, 0.3, 0.4]), dist.constraints.simplex)
        with pyro.plate("data", len(docs)):
            pyro.sample("words", dist.Multinomial(int(docs.sum(-1).max()), probs=weights), obs=docs)

    docs = dist.Multinomial(16, torch.ones(4)).sample((100,))
    fit = ppgen.fit(Program(topics), {"docs": docs}, max_epochs=1, learning_rate=1e-6, progress=False)
    drawn = fit.sample(2000).only
    assert bool((drawn.sum(-1) == 16).all())
    torch.testing.assert_close(drawn.mean(0), 16 * torch.tensor([0.1, 0.2, 0.3, 0.4]), rtol=0, atol=0.2)


def test_an_argument_with_a_default_may_be_left_out_of_a_sample() -> None:
    def model(x: Tensor, shift: Tensor | None = None) -> None:
        with pyro.plate("data", len(x)):
            loc = torch.zeros(len(x)) if shift is None else shift
            pyro.sample("x", dist.Normal(loc, 0.1), obs=x)

    data = {"x": torch.randn(40), "shift": torch.randn(40)}
    fit = ppgen.fit(Program(model), data, max_epochs=1, progress=False)
    assert abs(float(fit.sample(500).only.mean())) < 0.03
    assert float(fit.sample(500, shift=torch.full((500,), 3.0)).only.mean()) == pytest.approx(3.0, abs=0.03)


def test_the_page_and_the_scores_find_the_column() -> None:
    def model(images: Tensor) -> None:
        with pyro.plate("data", len(images)):
            pyro.sample(
                "x", dist.Bernoulli(pyro.param("p", torch.tensor(0.5))).expand([1, 4, 4]).to_event(3), obs=images
            )

    images = (torch.rand(200, 1, 4, 4) < 0.5).float()
    fit = ppgen.fit(Program(model), {"images": images}, max_epochs=1, progress=False)
    assert fit.num_dims(fit.data.split("test")) == 16
    scores = ppgen.evaluate(fit, progress=False)
    assert "takes images as given" not in str(scores)

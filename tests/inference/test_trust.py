"""What is told of one answer: k-hat, and whether the model could have made the data."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from scipy.stats import chi2, kstest
from torch import Tensor

import ppgen
from ppgen.errors import Unanswerable
from ppgen.objectives import ELBO, State


class Conjugate(ppgen.Model):
    """z ~ Normal(0, I), x ~ Normal(z + shift, I): x ~ Normal(shift, 2 I)."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(4), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor, shift: Tensor) -> Any:
        return dist.Normal(z + shift.unsqueeze(-1), 1.0).to_event(1)


class Posterior(ppgen.Guide):
    """The exact one, or a narrow one."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    @ppgen.latent
    def z(self, x: Tensor, shift: Tensor) -> Any:
        return dist.Normal((x - shift.unsqueeze(-1)) / 2, self.scale * 0.5**0.5).to_event(1)


def fit(guide: Any) -> ppgen.Fit:
    data = ppgen.data.from_tensors({"train": {"x": torch.zeros(20, 4), "shift": torch.zeros(20)}})
    return ppgen.Fit(State(Conjugate(), guide), ELBO(), data, history=[], settings={}, seconds=0.0)


def told(guide: Any, data: dict[str, Tensor]) -> Any:
    return fit(guide).posterior(data, 5, trust=True).constant_data


def test_p_values_are_those_of_the_radius() -> None:
    """log p(x) falls with |x - shift|^2 / 2, which is chi-squared with 4 degrees of freedom."""
    radius = torch.tensor([0.05, 1.0, 2.0, 3.0, 4.0, 12.0])
    shift = torch.tensor([0.0, 0.0, 5.0, -5.0, 0.0, 100.0])
    direction = torch.nn.functional.normalize(torch.ones(6, 4), dim=1)
    found = told(Posterior(), {"x": shift.unsqueeze(1) + radius.unsqueeze(1) * direction, "shift": shift})
    below = chi2.cdf((radius**2 / 2).double().numpy(), 4)
    expected = torch.as_tensor(2 * below).minimum(torch.as_tensor(2 * (1 - below)))
    assert (torch.as_tensor(found["out_of_model"].values) - expected).abs().max() < 0.2
    assert found["out_of_model"].values[[0, 5]].max() < 0.02


def test_a_guide_that_is_too_narrow_has_a_heavy_tail() -> None:
    data = {"x": torch.zeros(3, 4), "shift": torch.zeros(3)}
    assert (told(Posterior(0.3), data)["pareto_k"].values > 0.7).all()
    assert (told(Posterior(1.5), data)["pareto_k"].values < 0.5).all()


def test_nobody_who_does_not_ask_is_told() -> None:
    draws = fit(Posterior()).posterior({"x": torch.zeros(3, 4), "shift": torch.zeros(3)}, 5)
    assert not hasattr(draws, "constant_data")


def test_a_simulator_has_no_density_to_tell_by() -> None:
    model = ppgen.models.GAN((3,), latent_dim=2, output="none")
    made = ppgen.fit(model, torch.zeros(1, 3), objective=ppgen.Simulation(100), max_epochs=1, progress=False)
    with pytest.raises(Unanswerable, match="density"):
        made.posterior(torch.zeros(1, 3), 5, trust=True)


class Bits(ppgen.Model):
    """z ~ Normal(0, 1), three bits of log-odds z: many of its data have one and the same density."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def x(self, z: Tensor, shift: Tensor) -> Any:
        return dist.Bernoulli(logits=(z + shift).unsqueeze(-1).expand(*z.shape, 3)).to_event(1)


class Unread(ppgen.Guide):
    """The prior, whatever the data."""

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(torch.zeros(len(x)), 1.0)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_p_values_of_what_the_model_draws_are_uniform(scale: float) -> None:
    """Whatever the guide: data and draws are held to the same bound."""
    torch.manual_seed(3)
    shift = torch.linspace(-5, 5, 150)
    with torch.no_grad():
        data = {"x": Conjugate()({"shift": shift})["x"], "shift": shift}
    found = told(Posterior(scale), data)["out_of_model"].values
    assert kstest(found, "uniform").pvalue > 0.05
    assert ((found * 201 / 2).round(6) % 1 == 0)[found < 1].all()  # ranks among 200


def test_p_values_of_values_with_few_densities_are_never_too_small() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        data = {"x": Bits()({"shift": torch.zeros(150)})["x"], "shift": torch.zeros(150)}
    made = ppgen.Fit(
        State(Bits(), Unread()),
        ELBO(),
        ppgen.data.from_tensors({"train": data}),
        history=[],
        settings={},
        seconds=0.0,
    )
    found = torch.as_tensor(made.posterior(data, 5, trust=True).constant_data["out_of_model"].values)
    for level in (0.05, 0.2, 0.5):
        assert (found <= level).double().mean() <= level + 2 * (level * (1 - level) / 150) ** 0.5

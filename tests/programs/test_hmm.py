"""Hidden Markov models of Pyro's example: ``pyro.markov``, sequences of different lengths, states summed out."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.infer.autoguide import AutoDelta, AutoNormal, init_to_value
from torch import Tensor

import ppgen
from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

STATES, TONES, STEPS = 3, 4, 5


def music(rows: int = 6) -> dict[str, Tensor]:
    lengths = torch.arange(rows) % STEPS + 1
    return {"sequences": torch.bernoulli(torch.full((rows, STEPS, TONES), 0.4)), "lengths": lengths}


def chain(sequences: Tensor, lengths: Tensor, moves: Tensor, tones: Tensor) -> None:
    """States x_t and tones y_t of every sequence, as far as it goes."""
    x, plate = 0, pyro.plate("tones", TONES, dim=-1)
    with pyro.plate("sequences", len(sequences), dim=-2):
        for t in pyro.markov(range(sequences.shape[1])):
            with poutine.mask(mask=(t < lengths).unsqueeze(-1)):
                x = pyro.sample(f"x_{t}", dist.Categorical(moves[x]), infer={"enumerate": "parallel"})
                with plate:
                    pyro.sample(f"y_{t}", dist.Bernoulli(tones[x.squeeze(-1)]), obs=sequences[:, t])


def model_1(sequences: Tensor, lengths: Tensor) -> None:
    moves = pyro.sample("moves", dist.Dirichlet(0.9 * torch.eye(STATES) + 0.1).to_event(1))
    tones = pyro.sample("tone_probs", dist.Beta(0.9, 0.9).expand([STATES, TONES]).to_event(2))
    chain(sequences, lengths, moves, tones)


def with_parameters(sequences: Tensor, lengths: Tensor) -> None:
    rows = dist.constraints.simplex
    moves = pyro.param("moves", lambda: (torch.eye(STATES) + 0.5) / (1 + 0.5 * STATES), constraint=rows)
    start = lambda: torch.linspace(0.1, 0.9, STATES * TONES).reshape(STATES, TONES)
    chain(sequences, lengths, moves, pyro.param("tones", start, constraint=dist.constraints.unit_interval))


def automatic(kind: type) -> AutoNormal | AutoDelta:
    start = {
        "moves": (torch.eye(STATES) + 0.5) / (1 + 0.5 * STATES),
        "tone_probs": torch.linspace(0.1, 0.9, STATES * TONES).reshape(STATES, TONES),
    }
    return kind(poutine.block(model_1, expose=list(start)), init_loc_fn=init_to_value(values=start))


def forward_algorithm(moves: Tensor, tones: Tensor, sequences: Tensor, lengths: Tensor) -> Tensor:
    """log p of every sequence, [N]."""
    found = []
    for sequence, length in zip(sequences, lengths.tolist(), strict=True):
        emitted = dist.Bernoulli(tones).to_event(1).log_prob(sequence[:, None])
        alpha = moves[0].log() + emitted[0]
        for t in range(1, length):
            alpha = (alpha[:, None] + moves.log()).logsumexp(0) + emitted[t]
        found.append(alpha.logsumexp(0))
    return torch.stack(found)


@pytest.mark.parametrize("kind", [AutoDelta, AutoNormal])
def test_model_1_trains_as_by_svi(kind: type) -> None:
    estimator = TraceEnum_ELBO(max_plate_nesting=2)
    fit = fitted_as_by_svi(model_1, lambda: automatic(kind), music(), estimator)
    if kind is AutoNormal:
        assert float(fit.elbo(num_particles=2)) == pytest.approx(bound_of_pyro(fit, estimator, 2), rel=1e-8)
    drawn = fit.posterior(num_draws=2).posterior
    assert (drawn["x_4"].shape, drawn["moves"].shape) == ((1, 2, 6, 1), (1, 2, STATES, STATES))


def test_without_draws_the_bound_is_that_of_the_forward_algorithm() -> None:
    data = music()
    fit = ppgen.fit(ppgen.Program(with_parameters), data, batch_size=None, max_epochs=3, progress=False, device="cpu")
    moves, tones = (fit.model.params.value(name) for name in ("moves", "tones"))
    elbo = fit.elbo(data)
    assert float(elbo) == pytest.approx(forward_algorithm(moves, tones, **data).mean().item(), rel=1e-8)
    assert (elbo.kind, elbo.per) == ("exact", "datum")


def test_states_are_drawn_from_their_smoothed_posterior() -> None:
    data = {"sequences": music(1)["sequences"], "lengths": torch.tensor([3])}
    fit = ppgen.fit(ppgen.Program(with_parameters), data, batch_size=None, max_epochs=1, progress=False, device="cpu")
    moves, tones = (fit.model.params.value(name).detach() for name in ("moves", "tones"))
    emitted = dist.Bernoulli(tones).to_event(1).log_prob(data["sequences"][0, :3, None])
    joint = moves[0].log() + emitted[0]
    joint = joint[:, None, None] + (moves.log() + emitted[1])[:, :, None] + (moves.log() + emitted[2])[None]
    wanted = joint.flatten().softmax(0).reshape(joint.shape)
    drawn = fit.posterior(data, num_draws=300).posterior
    found = torch.stack([torch.as_tensor(drawn[f"x_{t}"].values).flatten() for t in range(3)])
    counts = torch.zeros_like(wanted).index_put(tuple(found), torch.tensor(1 / 300), accumulate=True)
    assert ((counts - wanted).abs() < 4.5 * (wanted * (1 - wanted) / 300).sqrt() + 2 / 300).all()

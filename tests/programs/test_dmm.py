"""Pyro's deep Markov model (Krishnan et al., 2017): masked sequences, read backwards by a recurrent guide."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import ppgen
from tests.oracles.pyro_svi import bound_is_that_of_pyro, loss_is_that_of_pyro

pytestmark = pytest.mark.usefixtures("float64")

TONES, LATENTS, STEPS, HIDDEN = 4, 2, 3, 5


class Transition(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(LATENTS, LATENTS), nn.Sigmoid())
        self.mean, self.loc, self.sig = (nn.Linear(LATENTS, LATENTS) for _ in range(3))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        gate, mean = self.gate(z), self.mean(z)
        return (1 - gate) * self.loc(z) + gate * mean, softplus(self.sig(torch.relu(mean)))


class DMM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emitter, self.trans = nn.Sequential(nn.Linear(LATENTS, TONES), nn.Sigmoid()), Transition()
        self.rnn = nn.RNN(TONES, HIDDEN, nonlinearity="relu", batch_first=True)
        self.combine = nn.ModuleList([nn.Linear(LATENTS, HIDDEN), nn.Linear(HIDDEN, 2 * LATENTS)])
        self.z_0, self.z_q_0 = nn.Parameter(torch.zeros(LATENTS)), nn.Parameter(torch.zeros(LATENTS))
        self.h_0 = nn.Parameter(torch.zeros(1, 1, HIDDEN))

    def model(
        self,
        mini_batch: Tensor,
        mini_batch_reversed: Tensor,
        mini_batch_mask: Tensor,
        mini_batch_seq_lengths: Tensor,
        annealing_factor: float = 1.0,
    ) -> None:
        pyro.module("dmm", self)
        z_prev = self.z_0.expand(mini_batch.size(0), self.z_0.size(0))
        with pyro.plate("z_minibatch", len(mini_batch)):
            for t in pyro.markov(range(1, mini_batch.size(1) + 1)):
                mask = mini_batch_mask[:, t - 1 : t]
                z_loc, z_scale = self.trans(z_prev)
                with poutine.scale(None, annealing_factor):
                    z_t = pyro.sample(f"z_{t}", dist.Normal(z_loc, z_scale).mask(mask).to_event(1))
                tones = dist.Bernoulli(self.emitter(z_t)).mask(mask).to_event(1)
                pyro.sample(f"obs_x_{t}", tones, obs=mini_batch[:, t - 1, :])
                z_prev = z_t

    def guide(
        self,
        mini_batch: Tensor,
        mini_batch_reversed: Tensor,
        mini_batch_mask: Tensor,
        mini_batch_seq_lengths: Tensor,
        annealing_factor: float = 1.0,
    ) -> None:
        pyro.module("dmm", self)
        h_0 = self.h_0.expand(1, mini_batch.size(0), HIDDEN).contiguous()
        packed = pack_padded_sequence(mini_batch_reversed, mini_batch_seq_lengths, True, enforce_sorted=False)
        padded, _ = pad_packed_sequence(self.rnn(packed, h_0)[0], batch_first=True, total_length=mini_batch.size(1))
        states = backwards(padded, mini_batch_seq_lengths)
        z_prev = self.z_q_0.expand(mini_batch.size(0), self.z_q_0.size(0))
        with pyro.plate("z_minibatch", len(mini_batch)):
            for t in pyro.markov(range(1, mini_batch.size(1) + 1)):
                hidden = 0.5 * (torch.tanh(self.combine[0](z_prev)) + states[:, t - 1, :])
                loc, raw = self.combine[1](hidden).chunk(2, -1)
                z = dist.Normal(loc, softplus(raw)).mask(mini_batch_mask[:, t - 1 : t]).to_event(1)
                with poutine.scale(None, annealing_factor):
                    z_prev = pyro.sample(f"z_{t}", z)


def backwards(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence from its last step to its first, what is behind its end being 0."""
    steps = lengths[:, None] - 1 - torch.arange(sequences.shape[1])
    turned = sequences.gather(1, steps.clamp(min=0)[..., None].expand_as(sequences))
    return turned * (steps >= 0)[..., None]


def music(rows: int = 30) -> dict[str, Tensor]:
    """A packed sequence is no column: what is packed is, and its lengths."""
    lengths = torch.arange(rows) % STEPS + 1
    mask = (torch.arange(STEPS) < lengths[:, None]).to(torch.float64)
    tones = torch.bernoulli(torch.full((rows, STEPS, TONES), 0.4)) * mask[..., None]
    names = ("mini_batch", "mini_batch_reversed", "mini_batch_mask", "mini_batch_seq_lengths")
    return dict(zip(names, (tones, backwards(tones, lengths), mask, lengths), strict=True))


def test_it_trains_as_by_pyro() -> None:
    dmm = DMM()
    loss_is_that_of_pyro((dmm.model, dmm.guide), dmm, music(7), ppgen.ELBO(closed_form=False), Trace_ELBO())


def test_what_a_fit_answers() -> None:
    dmm = DMM()
    fit = ppgen.fit(ppgen.Program(dmm.model, dmm.guide), music(), batch_size=8, max_epochs=2, progress=False)
    bound_is_that_of_pyro(fit, Trace_ELBO(), 30)
    train = fit.data.split("train")
    assert fit.log_prob(train, num_particles=50).value > fit.elbo(train, num_particles=50).value
    assert list(fit.encode()) == [f"z_{t}" for t in range(1, STEPS + 1)]
    given = {name: value[:2] for name, value in music().items() if name != "mini_batch"}
    assert fit.sample(2, **given)["obs_x_3"].shape == (2, TONES)

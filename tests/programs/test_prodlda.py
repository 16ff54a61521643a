"""Pyro's ProdLDA (Srivastava and Sutton, 2017): topics of documents by a network with dropout and batch norms."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import Tensor, nn
from torch.nn.functional import softmax, softplus

import ppgen
from tests.oracles.pyro_svi import bound_is_that_of_pyro, loss_is_that_of_pyro

pytestmark = pytest.mark.usefixtures("float64")

VOCABULARY, TOPICS, HIDDEN, LENGTH = 12, 3, 6, 20


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.fc1, self.fc2 = nn.Linear(VOCABULARY, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.fcmu, self.fclv = nn.Linear(HIDDEN, TOPICS), nn.Linear(HIDDEN, TOPICS)
        self.bnmu, self.bnlv = nn.BatchNorm1d(TOPICS, affine=False), nn.BatchNorm1d(TOPICS, affine=False)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        h = self.drop(softplus(self.fc2(softplus(self.fc1(inputs)))))
        return self.bnmu(self.fcmu(h)), (0.5 * self.bnlv(self.fclv(h))).exp()


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.beta, self.drop = nn.Linear(TOPICS, VOCABULARY, bias=False), nn.Dropout(0.2)
        self.bn = nn.BatchNorm1d(VOCABULARY, affine=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return softmax(self.bn(self.beta(self.drop(inputs))), dim=1)


class ProdLDA(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def model(self, docs: Tensor) -> None:
        pyro.module("decoder", self.decoder)
        with pyro.plate("documents", docs.shape[0]):
            logtheta_loc = docs.new_zeros((docs.shape[0], TOPICS))
            logtheta_scale = docs.new_ones((docs.shape[0], TOPICS))
            logtheta = pyro.sample("logtheta", dist.Normal(logtheta_loc, logtheta_scale).to_event(1))
            count_param = self.decoder(softmax(logtheta, -1))
            total_count = int(docs.sum(-1).max())
            pyro.sample("obs", dist.Multinomial(total_count, count_param), obs=docs)

    def guide(self, docs: Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("documents", docs.shape[0]):
            logtheta_loc, logtheta_scale = self.encoder(docs)
            pyro.sample("logtheta", dist.Normal(logtheta_loc, logtheta_scale).to_event(1))


def documents(rows: int = 40) -> dict[str, Tensor]:
    shares = dist.Dirichlet(torch.full((VOCABULARY,), 0.5)).sample((rows,))
    return {"docs": dist.Multinomial(LENGTH, shares).sample()}


def test_it_trains_as_by_pyro() -> None:
    lda = ProdLDA()
    loss_is_that_of_pyro((lda.model, lda.guide), lda, documents(8), ppgen.ELBO(closed_form=False), Trace_ELBO())


def test_what_a_fit_answers() -> None:
    lda = ProdLDA()
    fit = ppgen.fit(ppgen.Program(lda.model, lda.guide), documents(), batch_size=16, max_epochs=2, progress=False)
    bound_is_that_of_pyro(fit, Trace_ELBO())
    assert fit.encode().only.shape[-1] == TOPICS
    assert (fit.sample(5).only.sum(-1) == LENGTH).all()

"""The closed-form ledger: every number of an evaluation that has an exact answer, beside it.

``python benchmarks/closed_forms.py [--out benchmarks/results/closed_forms.md]`` prints a table of the quantity, the
exact value, ours, the difference, its tolerance and the verdict. Of a linear-Gaussian model and its mean-field guide:
the bounds on log p, the posterior by HMC, the parts of the gap, rate and distortion. Of a linear encoder of Gaussian
data: the terms of the rate, on enough data that the aggregate posterior is a Gaussian. Of Gaussian clouds: KID, density
and coverage. Of importance weights with a known tail: k-hat.
"""

from __future__ import annotations

__all__ = ["Row", "main", "rows"]

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ppgen
from ppgen.evaluation import (
    annealed_log_prob,
    density_and_coverage,
    expected_coverage,
    gap_ledger,
    kid,
    precision_and_recall,
    rate_decomposition,
    sandwiched_log_prob,
)
from ppgen.guides import MeanField
from ppgen.inference import elbo_parts, pareto_k
from tests.oracles.gaussian_pair import Linear, LinearGuide
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal, posterior

NUM_DATA = 50


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the ledger; of several numbers, the one that is furthest off."""

    quantity: str
    exact: float
    ours: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether ours is within the tolerance."""
        return abs(self.ours - self.exact) <= self.tolerance

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "**fails**"
        numbers = f"{self.exact:.4f} | {self.ours:.4f} | {self.ours - self.exact:+.4f} | {self.tolerance:g}"
        return f"| {self.quantity} | {numbers} | {verdict} |"


def fitted() -> Any:
    """A mean-field guide of a linear-Gaussian model that is as it is."""
    torch.manual_seed(0)
    model = PPCA(4, 20).requires_grad_(False)
    x = marginal(model).sample((400,)).float()
    return ppgen.fit(model, x, guide=MeanField(model), max_epochs=60, learning_rate=0.01, progress=False)


def bounds(fit: Any, x: Tensor) -> Iterator[Row]:
    """Log p by three roads."""
    truth = log_evidence(fit.model, x)
    yield Row("log p by IWAE-5000, mean of 50", float(truth.mean()), fit.log_prob(x, 5000).value, 0.05)
    found = annealed_log_prob(fit, x)
    yield Row("log p by AIS, mean of 50", float(truth.mean()), found.mean.value, 0.05)
    worst = int((found.values - truth).abs().argmax())
    yield Row("log p by AIS, worst of 50", float(truth[worst]), float(found.values[worst]), 0.5)
    sandwich = sandwiched_log_prob(fit, NUM_DATA)
    (low, high), drawn = sandwich.interval, log_evidence(fit.model, sandwich.data["x"])
    yield Row(
        "share of 50 whose log p BDMC holds", 1.0, float(((low <= drawn) & (drawn <= high)).double().mean()), 0.05
    )
    yield Row("width of its interval, mean of 50", 0.0, float((high - low).mean()), 0.2)


def gold(fit: Any, x: Tensor) -> Iterator[Row]:
    """Moments of the posterior by HMC."""
    draws = torch.as_tensor(fit.gold_posterior(x[:8], 2000).posterior["z"].values).double().flatten(0, 1)
    exact = posterior(fit.model, x[:8])
    shift = ((draws.mean(0) - exact.mean) / exact.stddev).flatten()
    yield Row("posterior mean by HMC, worst of 32, sd", 0.0, float(shift[shift.abs().argmax()]), 0.1)
    off = draws - draws.mean(0)
    error = torch.einsum("sni,snj->nij", off, off) / len(off) - exact.covariance_matrix
    relative = error.flatten(1).norm(dim=1) / exact.covariance_matrix.flatten(1).norm(dim=1)
    yield Row("posterior covariance by HMC, relative, mean of 8", 0.0, float(relative.mean()), 0.05)


def gaps(fit: Any, x: Tensor) -> Iterator[Row]:
    """The gap of the ELBO, its parts, and those of the ELBO itself."""
    exact, guide = posterior(fit.model, x), fit.guide
    with torch.no_grad():
        q = _marginal_guide(guide, x)
        weight, bias, noise = fit.model.weight.double(), fit.model.bias.double(), fit.model.log_scale.double().exp()
        truth = log_evidence(fit.model, x)
        of_family = 0.5 * (exact.precision_matrix.diagonal(dim1=-2, dim2=-1).log().sum(-1)
                           - torch.logdet(exact.precision_matrix))  # fmt: skip
        total = torch.distributions.kl_divergence(
            torch.distributions.MultivariateNormal(q.mean, torch.diag_embed(q.variance)), exact
        )
        rate = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1)
        off = (x.double() - bias - q.mean @ weight.T).square().sum(-1) + (q.variance @ weight.T.square()).sum(-1)
        distortion = 0.5 * (off / noise**2 + len(bias) * (2 * math.pi * noise**2).log())
        parts = [elbo_parts(fit.model, guide, {"x": x}, len(x)) for _ in range(400)]
    assert torch.allclose(-(rate + distortion), truth - total, atol=1e-3)  # the closed forms agree with each other
    ledger = gap_ledger(fit, x, num_particles=400)
    yield Row("log p - ELBO", float(total.mean()), ledger.total.value, 0.05)
    yield Row("of it, of the family", float(of_family.mean()), ledger.approximation.value, 0.05)
    yield Row("of it, of the encoder", float((total - of_family).mean()), ledger.amortization.value, 0.05)
    yield Row("rate", float(rate.mean()), float(torch.stack([part.rate for part in parts]).mean()), 0.01)
    yield Row("distortion", float(distortion.mean()), float(torch.stack([p.distortion for p in parts]).mean()), 0.05)


def _marginal_guide(guide: Any, x: Tensor) -> torch.distributions.Normal:
    """q(z | x) of a mean-field guide, float64."""
    from pyro import poutine

    fn = poutine.trace(guide).get_trace({"x": x}, len(x)).nodes["z"]["fn"]
    return torch.distributions.Normal(fn.mean.double(), fn.variance.sqrt().double())


def anatomy() -> Iterator[Row]:
    """The terms of the rate: the aggregate of a linear encoder of Gaussian data is a Gaussian."""
    torch.manual_seed(0)
    model = Linear()
    guide = LinearGuide(model, off=0.1)
    with torch.no_grad():
        guide.gain[1] += 0.8 * guide.gain[0]  # so that the dimensions of the code are dependent
        x = model(size=4000)["x"]
        gain, variance = guide.gain.double(), guide.raw.double().exp().square()
        centred = x.double() - x.double().mean(0)
        covariance = gain @ (centred.T @ centred / len(x)) @ gain.T + torch.diag(variance)
        mean = gain @ x.double().mean(0)
    terms = {
        "mutual_information": 0.5 * (torch.logdet(covariance) - variance.log().sum()),
        "total_correlation": 0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance)),
        "dimension_kl": 0.5 * (covariance.diagonal() + mean.square() - 1.0 - covariance.diagonal().log()).sum(),
    }
    found = rate_decomposition(model, guide, {"x": x}, num_draws=2)
    for name, exact in terms.items():
        yield Row(name.replace("_", " "), float(exact), found[name].value, 0.03)


def clouds() -> Iterator[Row]:
    """Sample metrics of Gaussian clouds of 2000 points in 16 dimensions."""
    generator = torch.Generator().manual_seed(0)
    real, same, other = (torch.randn(2000, 16, generator=generator) for _ in range(3))
    shift = torch.zeros(16)
    shift[0] = 2.0
    found = kid(real, same)
    yield Row("KID of one Gaussian with itself", 0.0, found.value, 3 * (found.standard_error or 0.0))
    found = kid(real, other + shift)
    yield Row("KID of Gaussians 2 sd apart", cubic_distance(shift), found.value, 3 * (found.standard_error or 0.0))
    density, coverage = density_and_coverage(real, same)
    yield Row("density of one Gaussian with itself", 1.0, density.value, 3 * (density.standard_error or 0.0))
    yield Row("its coverage", expected_coverage(2000), coverage.value, 3 * (coverage.standard_error or 0.0))
    precision, recall = precision_and_recall(real, same)
    error = math.hypot(precision.standard_error or 0.0, recall.standard_error or 0.0)
    yield Row("its precision - recall", 0.0, precision.value - recall.value, 3 * error)


def cubic_distance(shift: Tensor) -> float:
    """E k(r, r') + E k(g, g') - 2 E k(r, g), for k = (r . g / F + 1)^3, r standard normal and g a shift away."""

    def expected(mean: Tensor, other: Tensor) -> float:
        size, product = len(mean), float(mean @ other)
        squares = float(mean @ mean), float(other @ other)
        second = size + sum(squares) + product**2
        third = product**3 + 3 * product * (sum(squares) + size + 2)
        return third / size**3 + 3 * second / size**2 + 3 * product / size + 1

    none = torch.zeros_like(shift)
    return expected(none, none) + expected(shift, shift) - 2 * expected(none, shift)


def tails() -> Iterator[Row]:
    """k-hat of weights that are generalised Pareto draws."""
    for k in (0.2, 0.5, 0.7, 1.0):
        u = torch.rand(100_000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        yield Row(f"k-hat of 100,000 weights, k = {k}", k, float(pareto_k(((u**-k - 1.0) / k).log())), 0.1)


def rows() -> Iterator[Row]:
    """The ledger."""
    yield from (*tails(), *clouds(), *anatomy())
    fit = fitted()
    x = fit.data.split("test")["x"][:NUM_DATA]
    for part in (bounds, gold, gaps):
        yield from part(fit, x)


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="keep the table here")
    args = parser.parse_args()
    began, failed = time.process_time(), 0
    lines = ["| quantity | exact | ours | difference | tolerance | verdict |", "|---|---|---|---|---|---|"]
    print("\n".join(lines))
    for row in rows():
        lines.append(str(row))
        failed += not row.holds
        print(row, flush=True)
    if args.out:
        seconds = f"{time.process_time() - began:.0f} seconds of processor time"
        note = f"`python benchmarks/closed_forms.py --out {args.out.as_posix()}`, {seconds}: {failed} lines fail."
        args.out.write_text("\n".join(["# Closed-form ledger", "", note, "", *lines, ""]))
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

"""Distributions that Pyro does not have. Importing the package also registers the missing closed forms of KL."""

from __future__ import annotations

__all__ = ["Autoregressive", "EqualMixture", "Markov", "kl_multivariate_normal_independent_normal"]

from ppgen.distributions.autoregressive import Autoregressive
from ppgen.distributions.equal_mixture import EqualMixture
from ppgen.distributions.kl import kl_multivariate_normal_independent_normal
from ppgen.distributions.markov import Markov

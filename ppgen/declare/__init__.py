"""Declaring: a model p(x, z) and a guide q(z | x), one method a random variable."""

from ppgen.declare.batch import (
    MISSING,
    PyroProgram,
    batch_rows,
    chunks,
    extreme_rows,
    is_missing,
    partly_missing,
    without_latents,
)
from ppgen.declare.check import check, given_distributions, verify_batch, verify_values
from ppgen.declare.guide import Guide
from ppgen.declare.look import label_of
from ppgen.declare.model import Model
from ppgen.declare.parameters import Announced
from ppgen.declare.program import Program, ProgramPart
from ppgen.declare.site import DATA_PLATE, Site, covariate_names, implicit, latent, observed
from ppgen.declare.supports import CIRCLE, is_circular, mask_of, name_of, support_name, support_of

__all__ = [
    "CIRCLE",
    "DATA_PLATE",
    "MISSING",
    "Announced",
    "Guide",
    "Model",
    "Program",
    "ProgramPart",
    "PyroProgram",
    "Site",
    "batch_rows",
    "check",
    "chunks",
    "covariate_names",
    "extreme_rows",
    "given_distributions",
    "implicit",
    "is_circular",
    "is_missing",
    "label_of",
    "latent",
    "mask_of",
    "name_of",
    "observed",
    "partly_missing",
    "support_name",
    "support_of",
    "verify_batch",
    "verify_values",
    "without_latents",
]

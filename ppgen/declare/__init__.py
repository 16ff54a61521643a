"""Declaring: a model p(x, z) and a guide q(z | x), one method a random variable."""

from ppgen.declare.agreement import verify_size
from ppgen.declare.batch import (
    MISSING,
    batch_rows,
    chunks,
    extreme_rows,
    is_missing,
    partly_missing,
    without_latents,
)
from ppgen.declare.check import check, explained, verify_batch, verify_once, verify_values
from ppgen.declare.guide import Guide, ModelGuide
from ppgen.declare.known_sites import is_point_guide
from ppgen.declare.look import is_computed, label_of
from ppgen.declare.model import Model
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.program import Program, ProgramPart, as_guide
from ppgen.declare.protocol import PyroProgram
from ppgen.declare.site import DATA_PLATE, Site, covariate_names, implicit, latent, observed
from ppgen.declare.strangers import verify_guide, verify_model
from ppgen.declare.supports import (
    CIRCLE,
    has_discrete_support,
    is_bits,
    is_circular,
    is_delta,
    is_normalised,
    mask_of,
    name_of,
    num_values,
    support_name,
    support_of,
    unwrapped,
)

__all__ = [
    "CIRCLE",
    "DATA_PLATE",
    "MISSING",
    "Guide",
    "Model",
    "ModelGuide",
    "Program",
    "ProgramModule",
    "ProgramPart",
    "PyroProgram",
    "Site",
    "as_guide",
    "batch_rows",
    "check",
    "chunks",
    "covariate_names",
    "explained",
    "extreme_rows",
    "has_discrete_support",
    "implicit",
    "is_bits",
    "is_circular",
    "is_computed",
    "is_delta",
    "is_missing",
    "is_normalised",
    "is_point_guide",
    "label_of",
    "latent",
    "mask_of",
    "name_of",
    "num_values",
    "observed",
    "partly_missing",
    "support_name",
    "support_of",
    "unwrapped",
    "verify_batch",
    "verify_guide",
    "verify_model",
    "verify_once",
    "verify_size",
    "verify_values",
    "without_latents",
]

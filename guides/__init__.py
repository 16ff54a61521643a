"""Guides q(z | x), each family built from a declared model."""

__all__ = [
    "Clustered",
    "Delta",
    "DerivedGuide",
    "Flow",
    "FullRank",
    "MeanField",
    "NearestCode",
    "NetworkGuide",
    "Refined",
    "RelaxedCode",
    "Structured",
    "TwoLevelNetworkGuide",
]

if __name__ != "ppgen.guides":
    raise ImportError(f"this package is ppgen.guides, not {__name__!r}: write `import ppgen.guides`")

from ppgen.guides.clustered import Clustered
from ppgen.guides.code_guides import NearestCode, RelaxedCode
from ppgen.guides.delta import Delta
from ppgen.guides.derived import DerivedGuide
from ppgen.guides.flow import Flow
from ppgen.guides.full_rank import FullRank
from ppgen.guides.mean_field import MeanField
from ppgen.guides.network_guide import NetworkGuide, TwoLevelNetworkGuide
from ppgen.guides.refined import Refined
from ppgen.guides.structured import Structured

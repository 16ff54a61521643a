"""Semi-supervised MNIST: the error of a classifier that saw ten labels of each class and 50,000 images.

    python benchmarks/semi_supervised.py [--data-root DIR] [--per-class 10] [--seed 0] [--threads 1]

M1+M2 of Kingma et al. (2014, arXiv 1406.5298): a VAE of the images (M1), then a semi-supervised VAE (M2) of its codes,
drawn anew from q(z1 | x) at each step. The label y of M2 is summed out wherever it is missing; the classifier is the
guide's q(y | code). The 100 labels are drawn at random, as many of each class, by ``--seed``. The error is read off the
last weights on the test split, once; settings were chosen on the validation split of seed 0.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from gated import GatedVAE, gated_encoder
from row import Clock, options, publish
from torch import Tensor, nn

import ppgen
from ppgen import guides, nets
from ppgen.data.transforms import Transform

__all__ = ["main"]

WIDTH, NUM_CLASSES = 300, 10


class M2(ppgen.Model):
    """y ~ Categorical(1/C);  z ~ Normal(0, I);  x | y, z ~ Normal(network(y, z)), where x is a code of M1."""

    def __init__(self, code_dim: int, latent_dim: int, width: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        body = nn.Sequential(nn.Linear(NUM_CLASSES + latent_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.decoder = nets.Gaussian(body, width, code_dim)

    @ppgen.latent
    def y(self) -> Any:
        return dist.Categorical(logits=torch.zeros(NUM_CLASSES))

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @ppgen.observed
    def x(self, y: Tensor, z: Tensor) -> Any:
        return self.decoder(nets.join(nets.one_hot(y, NUM_CLASSES), z))


@dataclasses.dataclass(frozen=True)
class DrawCodes(Transform):
    """Codes ``loc + scale * noise``, drawn anew at every call, from stored ``[batch, 2, dim]``."""

    random: ClassVar[bool] = True
    key: str = "x"

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(stored[:, 0].shape, generator=generator).to(stored)
        return stored[:, 0] + stored[:, 1] * noise


def codes_of(posterior: nn.Module, data: Any, device: str) -> dict[str, dict[str, Tensor]]:
    """Locations and scales of q(z1 | x), standardised, of the units that M1 uses; labels beside them."""
    found: dict[str, dict[str, Tensor]] = {}
    with torch.no_grad():
        for split in ("train", "valid", "test"):
            columns = data.split(split)
            q = posterior(columns["x"].to(device)).base_dist
            found[split] = {"x": torch.stack([q.loc, q.scale], 1).cpu(), "y": columns["y"]}
    loc, scale = found["train"]["x"].unbind(1)
    active = loc.var(0) > 0.01
    spread = (loc.var(0) + scale.square().mean(0)).sqrt()
    centre = torch.stack([loc.mean(0), torch.zeros_like(spread)])
    for columns in found.values():
        columns["x"] = ((columns["x"] - centre) / spread)[..., active]
    return found


def with_copies(columns: dict[str, Tensor], copies: int) -> dict[str, Tensor]:
    """Every labelled row so many times, so that each minibatch has some: a rare label makes a noisy gradient."""
    labelled = columns["y"] >= 0
    return {name: torch.cat([column, *[column[labelled]] * (copies - 1)]) for name, column in columns.items()}


def main(argv: list[str] | None = None) -> None:
    """M1, then M2, then the error."""
    parser = options(
        __doc__,
        per_class=10,
        copies=50,
        m1_epochs=25,
        m2_epochs=20,
        label_weight=10.0,
        batch_size=200,
        code_dim=40,
        latent_dim=20,
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    data = ppgen.data.load("mnist", binarize="dynamic", root=args.data_root)
    settings = {"schedule": "cosine", "seed": args.seed, "device": args.device}
    clock = Clock()

    torch.manual_seed(args.seed)
    posterior = gated_encoder(args.code_dim, WIDTH)
    images = {name: {"x": data.splits[name]["x"]} for name in ("train", "valid", "test")}
    first = ppgen.fit(
        GatedVAE(args.code_dim, WIDTH),
        dataclasses.replace(data, splits=images, num_classes={}),
        guide=guides.NetworkGuide(posterior),
        objective=ppgen.ELBO(warmup=args.m1_epochs / 5),
        max_epochs=args.m1_epochs,
        learning_rate=2e-3,
        **settings,
    )

    known = ppgen.data.partial_labels(data, per_class=args.per_class, seed=args.seed)
    codes = codes_of(posterior, known, args.device)
    columns = {**codes, "train": with_copies(codes["train"], args.copies)}
    task = ppgen.data.from_tensors(columns, measure="continuous", name="codes")
    model = M2(codes["train"]["x"].shape[-1], args.latent_dim, width=400)
    second = ppgen.fit(
        model,
        dataclasses.replace(task, transform=DrawCodes()),
        guide=guides.Structured(model, width=400),
        objective=ppgen.ELBO(label_weight=args.label_weight),
        max_epochs=args.m2_epochs,
        batch_size=args.batch_size,
        learning_rate=1e-3,
        **settings,
    )
    result: dict[str, Any] = {"m1_valid_elbo": first.history[-1]["valid"]["elbo"], **clock.read("train")}
    for split in ("valid", "test"):
        x, y = codes[split]["x"][:, 0], codes[split]["y"]
        result[f"{split}_error"] = float((second.encode({"x": x})["y"].argmax(-1) != y).float().mean())
    publish(args, result)


if __name__ == "__main__":
    main()

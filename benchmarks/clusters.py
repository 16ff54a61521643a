"""Unsupervised clustering of MNIST by a mixture VAE with ten clusters: accuracy, ARI and NMI over seeds.

    python benchmarks/clusters.py [--data-root DIR] [--seeds 5] [--epochs 20] [--pretrain 10] [--threads 1]

The recipe of variational deep embedding (Jiang et al., 2017, arXiv 1611.05148): fit an almost plain autoencoder, put a
Gaussian mixture on its codes, then fit everything by the ELBO, the cluster summed out. Labels are never seen. To score,
each cluster takes the label most common in it on the *validation* split (Dilokthanakul et al., 2017, let a label of the
test split choose); accuracy, ARI and NMI are then read off the test split once. Pixels are drawn anew at each step
(dynamic binarisation), and test pixels are one fixed draw.
"""

from __future__ import annotations

from typing import Any

import torch
from gated import X_SHAPE, GatedVAE, gated_encoder
from row import Clock, options, publish
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

import ppgen
from ppgen import guides, models

__all__ = ["main"]

LATENT_DIM, NUM_CLUSTERS = 10, 10


def run(data: Any, args: Any, seed: int) -> dict[str, Any]:
    """One seed."""
    torch.manual_seed(seed)
    clock = Clock()
    plain = GatedVAE(LATENT_DIM, args.width)
    posterior = gated_encoder(LATENT_DIM, args.width)
    settings = {"batch_size": args.batch_size, "seed": seed, "device": args.device, "schedule": "cosine"}
    ppgen.fit(
        plain,
        data,
        guide=guides.NetworkGuide(posterior),
        objective=ppgen.ELBO(beta=args.pretrain_beta),
        max_epochs=args.pretrain,
        learning_rate=2e-3,
        **settings,
    )
    with torch.no_grad():
        codes = posterior(data.split("train")["x"].to(args.device)).mean.cpu()
    mixture = GaussianMixture(NUM_CLUSTERS, covariance_type="diag", n_init=5, random_state=seed).fit(codes.numpy())

    model = models.MixtureVAE(X_SHAPE, NUM_CLUSTERS, LATENT_DIM)
    model.decoder = plain.decoder
    with torch.no_grad():
        model.logits.copy_(torch.as_tensor(mixture.weights_).log())
        model.loc.copy_(torch.as_tensor(mixture.means_))
        model.raw_scale.copy_(torch.as_tensor(mixture.covariances_).sqrt().expm1().log())
    guide = guides.Clustered(model, posterior)
    before = score(guide.cpu(), data)
    fit = ppgen.fit(model, data, guide=guide, max_epochs=args.epochs, learning_rate=args.learning_rate, **settings)
    return {
        "seed": seed,
        **clock.read("train"),
        "test_elbo": fit.elbo(num_particles=10).value,
        **{f"mixture_on_codes_{name}": value for name, value in before.items()},
        **score(guide.cpu(), data),
    }


@torch.no_grad()
def score(guide: guides.Clustered, data: Any) -> dict[str, float]:
    """Clusters get their labels on the validation split, and are scored on the test split."""
    valid, test = data.split("valid"), data.split("test")
    found = {name: guide.c(split["x"]).probs.argmax(-1) for name, split in (("valid", valid), ("test", test))}
    counts = torch.zeros(NUM_CLUSTERS, 10).index_put_((found["valid"], valid["y"]), torch.ones(()), accumulate=True)
    label = counts.argmax(1)
    return {
        "accuracy": float((label[found["test"]] == test["y"]).float().mean()),
        "valid_accuracy": float((label[found["valid"]] == valid["y"]).float().mean()),
        "ari": float(adjusted_rand_score(test["y"], found["test"])),
        "nmi": float(normalized_mutual_info_score(test["y"], found["test"])),
    }


def main(argv: list[str] | None = None) -> None:
    """Every seed, then the means."""
    parser = options(
        __doc__, seeds=5, epochs=20, pretrain=10, pretrain_beta=0.05, learning_rate=1e-3, batch_size=128, width=300
    )
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    data = ppgen.data.load("mnist", binarize="dynamic", root=args.data_root)
    runs = []
    for i in range(args.seeds):
        runs.append(run(data, args, args.seed + i))
        publish(args, runs[-1])
    names = [name for name, value in runs[0].items() if name != "seed"]
    table = torch.tensor([[result[name] for name in names] for result in runs])
    spread = table.std(0).tolist() if len(runs) > 1 else [float("nan")] * len(names)
    publish(
        args, {name: {"mean": m, "sd": s} for name, m, s in zip(names, table.mean(0).tolist(), spread, strict=True)}
    )


if __name__ == "__main__":
    main()

"""How much room does a code need? Reconstruction against the size of the bottleneck, beside that of PCA.

python examples/bottleneck.py [--epochs 60] [--figure docs/figures/bottleneck.png]
"""

from __future__ import annotations

import argparse

import torch
from sklearn.decomposition import PCA

import ppgen
from ppgen.evaluation import reconstruction_error
from ppgen.reporting import bottleneck

SIZES = (1, 2, 4, 8, 16, 32)


def main() -> None:
    """Fit one autoencoder for each size, print the errors, and draw them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--figure", help="where to save the picture")
    args = parser.parse_args()

    data = ppgen.data.load("digits", binarize=None)
    train, test = data.split("train")["x"], data.split("test")["x"]
    errors = {"autoencoder": {}, "PCA": {}}
    for size in SIZES:
        torch.manual_seed(0)
        model = ppgen.models.Autoencoder(x_shape=(1, 8, 8), latent_dim=size)
        fit = ppgen.fit(
            model,
            data,
            guide=ppgen.guides.Delta(model),
            objective=ppgen.ELBO(beta=0.0),
            max_epochs=args.epochs,
            batch_size=64,
            learning_rate=3e-3,
            schedule="cosine",
            progress=False,
        )
        linear = PCA(size).fit(train.flatten(1))
        flat = linear.inverse_transform(linear.transform(test.flatten(1)))
        errors["autoencoder"][size] = reconstruction_error(test, fit.reconstruct().only)
        errors["PCA"][size] = reconstruction_error(test, torch.as_tensor(flat).reshape(test.shape))
        print(f"{size:3} latents:", *(f"{name} {by_size[size].value:.5f} " for name, by_size in errors.items()))

    drawn = bottleneck(errors)
    print(drawn.caption)
    if args.figure:
        print(f"figure: {drawn.save(args.figure)}")


if __name__ == "__main__":
    main()

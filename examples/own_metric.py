"""Metrics of one's own: functions of a fit, in the scorecard, the table and the page beside those of ppgen.

python examples/own_metric.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import ppgen


@ppgen.metric(question="sampling", title="ink", unit="pixels beyond data's")
def ink(fit):
    """How many more pixels are set in a sample than in real data, on average: a value for each sample."""
    drawn, real = fit.sample(256, site="x"), fit.data.split("test")["x"]
    return drawn.sum((1, 2, 3)) - real.sum((1, 2, 3)).mean()


def weights(fit):
    """A plain function is a metric too, with its name as key; an Estimate says itself what kind of number it is."""
    return ppgen.Estimate(fit.num_parameters, kind="exact", estimator="count")


def main() -> None:
    """Run the example."""
    data = ppgen.data.load("digits")
    cards = {}
    for name, model in {
        "vae": ppgen.models.VAE(data.x_shape, latent_dim=4),
        "pixelcnn": ppgen.models.GatedPixelCNN(data.x_shape),
    }.items():
        fit = ppgen.fit(model, data=data, max_epochs=4, learning_rate=3e-3)
        cards[name] = ppgen.evaluate(fit, metrics=["log_prob", ink, weights], num_particles=50)
    comparison = ppgen.compare(cards)
    print(comparison)
    with tempfile.TemporaryDirectory() as folder:
        page = ppgen.report(comparison, Path(folder) / "report.html")
        print("The page shows ink as well:", "ink" in page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()

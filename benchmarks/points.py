"""Points on a line and on a ring of eight Gaussians: how close the draws of a small GAN come, for each loss.

    python benchmarks/points.py [--losses nonsaturating wasserstein] [--seeds 5] [--out benchmarks/results/points.md]
    python benchmarks/points.py --figures docs/figures

On the line, the Wasserstein-1 distance between 10 000 draws and as many of the truth (scipy's, between samples; two
samples of the truth are 0.01 apart). On the ring, the modes that draws reach (1 % of them or more), and the share of
10 000 draws within three standard deviations of the nearest mode; of the truth, it is 1 - exp(-9/2) = 98.9 %.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from scipy.stats import wasserstein_distance

import ppgen
from ppgen import zoo
from ppgen.data.points import POINTS, centres, draw_points
from ppgen.reporting import GameFilm, mode_map

__all__ = ["LOSSES", "draw", "fit_points", "main", "score_line", "score_ring"]

DRAWS = 10_000
FRAMES = (5, 20, 80, 320, 4000)
LOSSES = ("nonsaturating", "wasserstein", "hinge", "least-squares")


def fit_points(name: str, loss: str, seed: int, **settings: Any) -> ppgen.Fit:
    """One fit of the recipe ``points-gan``.

    Args:
        name: ``"line"`` or ``"ring"``.
        loss: of :class:`ppgen.Adversarial`.
        seed: of weights, noise and order; the points are the same for all.
        **settings: of :func:`ppgen.fit`, instead of those of the recipe.
    """
    data = zoo.dataset("points-gan", name)
    model, guide, objective = zoo.build("points-gan", data, seed=seed, loss=loss)
    chosen = {**zoo.recipe("points-gan").settings(), "device": "cpu", "progress": False, **settings}
    return ppgen.fit(model, data, guide=guide, objective=objective, seed=seed, **chosen)


def score_line(x: torch.Tensor, seed: int) -> dict[str, float]:
    """The distance of draws [n, 1] to as many of the truth."""
    truth = draw_points("line", len(x), seed=1000 + seed)["x"]
    return {"W1": float(wasserstein_distance(x.flatten().numpy(), truth.flatten().numpy()))}


def score_ring(x: torch.Tensor, seed: int) -> dict[str, float]:
    """The modes that draws [n, 2] reach, and the share that is near one."""
    distance, mode = torch.cdist(x, centres("ring")).min(1)
    near = distance < 3 * POINTS["ring"]
    reached = mode[near].bincount(minlength=8) >= len(x) / 100
    return {"modes": float(reached.sum()), "within 3 sd": float(near.float().mean())}


def draw(folder: Path) -> None:
    """The film of a game on the line, and the map of the modes that one on the ring reached.

    Args:
        folder: to draw into.
    """
    line = zoo.dataset("points-gan", "line").split("train")["x"]
    film = GameFilm(line, steps=FRAMES)
    fit_points("line", "nonsaturating", 0, callbacks=[film])
    film.draw().save(folder / "game-film.png")
    ring = fit_points("ring", "nonsaturating", 0)
    mode_map(ring, ring.data.split("test")["x"]).save(folder / "mode-map.png")


def main(argv: list[str] | None = None) -> None:
    """Every set, loss and seed, as a table of means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", default=["nonsaturating", "wasserstein"], choices=LOSSES)
    parser.add_argument("--sets", nargs="+", default=["line", "ring"], choices=list(POINTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the table here")
    parser.add_argument("--figures", type=Path, help="draw a film and a map into this folder, and stop")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    if args.figures:
        draw(args.figures)
        return
    lines = ["| set | loss | measure | mean | each seed | processor seconds a fit |", "|---|---|---|---|---|---|"]
    for name in args.sets:
        for loss in args.losses:
            began, found = time.process_time(), []
            for seed in range(args.seeds):
                x = fit_points(name, loss, seed).sample(DRAWS, seed=seed).only
                found.append({"line": score_line, "ring": score_ring}[name](x, seed))
                print(name, loss, seed, found[-1], f"{time.process_time() - began:.1f} s", flush=True)
            seconds = (time.process_time() - began) / args.seeds
            for measure in found[0]:
                values = [each[measure] for each in found]
                shown = ", ".join(f"{value:.3g}" for value in values)
                lines.append(
                    f"| {name} | {loss} | {measure} | {statistics.mean(values):.3g} | {shown} | {seconds:.0f} |"
                )
    print("\n".join(lines))
    if args.out:
        head = f"# Points on a line and on a ring\n\n`python benchmarks/points.py --seeds {args.seeds} --losses"
        head += f" {' '.join(args.losses)}`\n\n{(__doc__ or '').split('results/points.md]')[1].strip()}\n\n"
        tail = f"\n\ntorch {torch.__version__}, ppgen {ppgen.__version__}, one thread.\n"
        args.out.write_text(head + "\n".join(lines) + tail)


if __name__ == "__main__":
    main()

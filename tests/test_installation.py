"""What a user gets who installs the wheel: it imports, fits, judges and answers, with no checkout in reach."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ppgen

checkout = (Path(__file__).resolve().parents[1] / "setup.py").exists()
pytestmark = pytest.mark.skipif(checkout, reason="looks at an installation, not at a checkout")


def command(folder: Path, *words: str) -> str:
    """What the installed program prints."""
    program = Path(sys.executable).parent / "ppgen"
    return subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_it_is_the_installed_package() -> None:
    assert Path(ppgen.__file__).is_relative_to(sys.prefix)
    assert (Path(ppgen.__file__).parent / "py.typed").exists()


def test_every_module_can_be_imported() -> None:
    names = [module.name for module in pkgutil.walk_packages(ppgen.__path__, "ppgen.")]
    assert {"ppgen.models.vae", "ppgen.guides.mean_field", "ppgen.training.fit"} <= set(names)
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)


def test_fit_evaluate_compare_and_load(tmp_path: Path) -> None:
    fits = {
        "vae": ppgen.fit(ppgen.models.VAE((1, 8, 8)), data="digits", max_epochs=1, progress=False, out=tmp_path / "v"),
        "pixelcnn": ppgen.fit(ppgen.models.GatedPixelCNN((1, 8, 8), 8, 1), data="digits", max_epochs=1, progress=False),
    }
    cards = {name: ppgen.evaluate(fit, num_particles=2, progress=False) for name, fit in fits.items()}
    table = str(ppgen.compare(cards))
    assert "vae" in table
    assert "pixelcnn" in table
    assert torch.equal(ppgen.load(tmp_path / "v").sample(3).only, fits["vae"].sample(3).only)


def test_the_command_line(tmp_path: Path) -> None:
    assert ppgen.__version__ in command(tmp_path, "--version")
    for name in ("vae", "gan"):
        command(tmp_path, "fit", name, "--epochs", "1", "--out", f"runs/{name}")
    assert "nats" in command(tmp_path, "evaluate", "runs/vae", "runs/gan", "--particles", "2")
    assert "gan" in command(tmp_path, "compare", "runs/vae", "runs/gan")
    command(tmp_path, "sample", "runs/vae", "-o", "samples.png")
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
    command(tmp_path, "report", "runs/vae", "runs/gan", "-o", "report.html")
    assert "<html" in (tmp_path / "report.html").read_text()

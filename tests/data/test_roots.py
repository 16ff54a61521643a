"""Roots: where files are looked for, and what is said when torchvision or the network is not there."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest

import ppgen.data
from ppgen.data import roots
from ppgen.errors import DataError, SettingError


def test_the_argument_goes_before_the_environment_before_the_home_folder(monkeypatch):
    monkeypatch.setenv("PPGEN_DATA", "/from/environment")
    assert roots.data_root("/from/argument") == Path("/from/argument")
    assert roots.data_root() == Path("/from/environment")
    monkeypatch.delenv("PPGEN_DATA")
    assert roots.data_root() == Path.home() / ".cache" / "ppgen" / "data"


@pytest.mark.parametrize(
    "failure",
    [RuntimeError("operator torchvision::nms does not exist"), ImportError("No module named 'torchvision'")],
)
def test_a_torchvision_that_cannot_be_imported_is_met_with_the_remedy(monkeypatch, failure):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("torchvision"):
            raise failure
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingError, match=r"torchvision cannot be imported(.|\n)*fix: pip install --force-reinstall"):
        roots.torchvision_datasets()


class Offline:
    """Stands in for torchvision.datasets on a machine without files and without a network."""

    def __getattr__(self, name):
        def make(*args, download, **kwargs):
            if download:
                raise OSError("Network is unreachable")
            raise RuntimeError("Dataset not found or corrupted.")

        return make


@pytest.mark.parametrize("name", ["mnist", "fashion", "kmnist", "usps", "cifar10", "svhn", "celeba"])
def test_without_a_network_the_text_says_where_files_belong(monkeypatch, tmp_path, name):
    monkeypatch.setattr(roots, "torchvision_datasets", Offline)
    with pytest.raises(DataError, match=rf"(?s){name}: the download failed.*{tmp_path}.*unreachable.*digits"):
        ppgen.data.load(name, root=tmp_path)
    with pytest.raises(DataError, match=rf"(?s){name}: .* missing"):
        ppgen.data.load(name, root=tmp_path, download=False)


def test_a_root_that_cannot_be_made_is_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(roots, "torchvision_datasets", Offline)
    with pytest.raises(DataError, match="the download failed"):
        ppgen.data.load("cifar10", root=tmp_path / "file" / "below")

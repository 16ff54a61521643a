"""Packaging of ppgen: everything is written out, so that a wheel never depends on links or on discovery.

The folders ``models/`` and ``guides/`` lie at the top of the repository and are installed as ``ppgen.models`` and
``ppgen.guides``. The links ``ppgen/models`` and ``ppgen/guides`` serve tools that read the checkout; they are
skipped here. ``tests/test_layout.py`` holds links, map and folders together.
"""

from __future__ import annotations

import ast
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()

PACKAGE_DIR = {"ppgen": "ppgen", "ppgen.models": "models", "ppgen.guides": "guides"}
PACKAGE_DATA = {"ppgen": ["py.typed", "errors.json"], "ppgen.reporting": ["*.jinja", "*.js", "*.bib"]}

# Every dependency and every bound is explained in docs/dependencies.md.
INSTALL_REQUIRES = [
    "pyro-ppl>=1.9.1",
    "torch>=2.6",
    "torchvision>=0.21",
    "arviz>=0.23",
    "click>=8.2",
    "graphviz>=0.20",
    "h5netcdf>=1.3",
    "jinja2>=3.1",
    "markupsafe>=2.1",
    "matplotlib>=3.10",
    "numpy>=1.26",
    "pandas>=2.2",
    "pillow>=10.1",
    "safetensors>=0.4.3",
    "scikit-learn>=1.4",
    "scipy>=1.11.4",
    "threadpoolctl>=3.1",
    "tqdm>=4.66",
    "zuko>=1.2",
]
TEST = ["hypothesis>=6.100", "pytest>=8.2", "pytest-xdist>=3.6"]
MUTATION = [*TEST, "coverage>=7.3", "libcst>=1.9", "mutmut>=3.8"]
DEV = [
    *TEST,
    "basedpyright>=1.29",
    "build>=1.2",
    "mypy>=1.15",
    "pandas-stubs>=2.2",
    "pdoc>=15",
    "pre-commit>=3.7",
    "pytest-cov>=6",
    "ruff>=0.12",
    "setuptools>=77",
]


def version() -> str:
    """``__version__`` of ``ppgen/__init__.py``, read without importing the package."""
    tree = ast.parse((ROOT / "ppgen" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise RuntimeError("ppgen/__init__.py has no line __version__ = ...")


def packages() -> list[str]:
    """The names of all packages: those of each mapped folder, with the links inside ``ppgen/`` left out."""
    linked = [name.removeprefix("ppgen.") for name in PACKAGE_DIR if name != "ppgen"]
    skip = [pattern for name in linked for pattern in (name, f"{name}.*")]
    found = []
    for name, folder in PACKAGE_DIR.items():
        below = find_packages(str(ROOT / folder), exclude=skip if name == "ppgen" else ())
        found += [name, *(f"{name}.{inner}" for inner in sorted(below))]
    return found


if __name__ == "__main__":
    setup(
        name="ppgen",
        version=version(),
        description="Declare, fit, evaluate and compare generative models on Pyro",
        long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
        long_description_content_type="text/markdown",
        author="the ppgen authors",
        license="MIT",
        license_files=["LICENSE"],
        python_requires=">=3.11",
        packages=packages(),
        package_dir=PACKAGE_DIR,
        package_data=PACKAGE_DATA,
        include_package_data=False,
        zip_safe=False,
        install_requires=INSTALL_REQUIRES,
        extras_require={"test": TEST, "mutation": MUTATION, "dev": DEV},
        entry_points={"console_scripts": ["ppgen = ppgen.cli:main"]},
        classifiers=[
            "Development Status :: 3 - Alpha",
            "Intended Audience :: Science/Research",
            "Programming Language :: Python :: 3.11",
            "Programming Language :: Python :: 3.12",
            "Programming Language :: Python :: 3.13",
            "Topic :: Scientific/Engineering :: Artificial Intelligence",
            "Typing :: Typed",
        ],
    )

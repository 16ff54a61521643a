"""The table of data sets that ppgen knows by name: what each is, how large, and how it is binarized by default."""

from __future__ import annotations

import dataclasses
import difflib

from ppgen.errors import SettingError

__all__ = ["CATALOGUE", "Entry", "describe", "entry", "names"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Args:
        name: what ``ppgen.data.load`` calls it.
        description: one line for ``ppgen list datasets``.
        shape: of one ``x``: channels, height, width; or one number, of its dimensions.
        sizes: rows in train, valid and test.
        binarize: the default of ``load``: ``"static"`` for grey images, ``"threshold"`` for those whose greys are
            but anti-aliased edges, ``None`` for colour, faces, sets of bits and real numbers.
        bits: whether the images are binary at their source, so that there is nothing to draw.
        source: ``"embedded"``, ``"generated"``, ``"download"``, or ``"file"`` where the user must provide it.
    """

    name: str
    description: str
    shape: tuple[int, ...]
    sizes: tuple[int, int, int]
    binarize: str | None = "static"
    bits: bool = False
    source: str = "download"


_ENTRIES = (
    Entry("digits", "8x8 handwritten digits of scikit-learn, 17 grey levels", (1, 8, 8), (1077, 360, 360),
          source="embedded"),
    Entry("glyphs", "digits in 20 typefaces, with their factors and a caption", (1, 28, 28), (9600, 1200, 1200),
          binarize="threshold", source="generated"),
    Entry("glyphs-few", "a sixth of that, in 8 typefaces: for a first look", (1, 28, 28), (1600, 200, 200),
          binarize="threshold", source="generated"),
    Entry("glyphs-letters", "upper and lower case letters", (1, 28, 28), (16_640, 2080, 2080),
          binarize="threshold", source="generated"),
    Entry("glyphs-all", "digits and letters", (1, 28, 28), (19_840, 2480, 2480), binarize="threshold",
          source="generated"),
    Entry("glyphs-grid", "digits in every combination of eight true factors", (1, 28, 28), (17_280, 2160, 2160),
          binarize="threshold", source="generated"),
    Entry("glyphs-outlines", "pairs: a hollow character given, the filled one", (1, 28, 28), (9920, 1240, 1240),
          binarize="threshold", source="generated"),
    Entry("glyphs-edges", "pairs: edges given, the character in colour", (3, 28, 28), (9920, 1240, 1240),
          binarize=None, source="generated"),
    Entry("glyphs-colouring", "pairs: grey levels given, the character in colour", (3, 28, 28), (9920, 1240, 1240),
          binarize=None, source="generated"),
    Entry("glyphs-upright", "a domain, beside glyphs-italic", (1, 28, 28), (4762, 595, 595),
          binarize="threshold", source="generated"),
    Entry("glyphs-italic", "a domain, beside glyphs-upright", (1, 28, 28), (4762, 595, 595),
          binarize="threshold", source="generated"),
    Entry("glyphs-serif", "a domain, beside glyphs-sans", (1, 28, 28), (4960, 620, 620),
          binarize="threshold", source="generated"),
    Entry("glyphs-sans", "a domain, beside glyphs-serif", (1, 28, 28), (4960, 620, 620),
          binarize="threshold", source="generated"),
    Entry("glyphs-white", "a domain, beside glyphs-coloured: digits in three equal channels", (3, 28, 28),
          (9600, 1200, 1200), binarize=None, source="generated"),
    Entry("glyphs-coloured", "a domain, beside glyphs-white: digits in eight colours", (3, 28, 28),
          (9600, 1200, 1200), binarize=None, source="generated"),
    Entry("sprites", "squares, ellipses and hearts with their five true factors", (1, 32, 32), (14746, 1843, 1843),
          binarize=None, bits=True, source="generated"),
    Entry("sprites64", "the same sprites at twice the resolution", (1, 64, 64), (14746, 1843, 1843),
          binarize=None, bits=True, source="generated"),
    Entry("line", "points on a line: two Gaussians", (1,), (8000, 1000, 1000), binarize=None, source="generated"),
    Entry("ring", "points in a plane: eight Gaussians on a ring", (2,), (8000, 1000, 1000), binarize=None,
          source="generated"),
    Entry("mnist", "handwritten digits", (1, 28, 28), (50_000, 10_000, 10_000)),
    Entry("binarized_mnist", "MNIST with Larochelle's fixed bits and split, no labels", (1, 28, 28),
          (50_000, 10_000, 10_000), binarize=None, bits=True, source="file"),
    Entry("fashion", "Fashion-MNIST: clothes", (1, 28, 28), (50_000, 10_000, 10_000)),
    Entry("kmnist", "Kuzushiji-MNIST: cursive Japanese characters", (1, 28, 28), (50_000, 10_000, 10_000)),
    Entry("usps", "digits from envelopes", (1, 16, 16), (6291, 1000, 2007)),
    Entry("cifar10", "small colour photographs of ten classes", (3, 32, 32), (45_000, 5000, 10_000), binarize=None),
    Entry("svhn", "house numbers, cropped to one digit", (3, 32, 32), (68_257, 5000, 26_032), binarize=None),
    Entry("olivetti", "faces of 40 people, ten pictures each", (1, 64, 64), (320, 40, 40), binarize=None),
    Entry("frey", "one face in 1965 frames of a film", (1, 28, 20), (1565, 200, 200), binarize=None, source="file"),
    Entry("yale", "faces of 15 people in 11 lights and moods", (1, 64, 64), (132, 16, 16), binarize=None,
          source="file"),
    Entry("celeba", "faces with 40 attributes, cropped to 148 and reduced to 64", (3, 64, 64),
          (162_770, 19_867, 19_962), binarize=None),
)  # fmt: skip
CATALOGUE = {line.name: line for line in _ENTRIES}


def names() -> tuple[str, ...]:
    """The names that ``ppgen.data.load`` knows.

    Example:
        >>> "digits" in names()
        True
    """
    return tuple(CATALOGUE)


def describe() -> dict[str, str]:
    """A line of description for every name, with shape, sizes and origin; needs neither torch nor any file.

    Example:
        >>> print(describe()["digits"])
        8x8 handwritten digits of scikit-learn, 17 grey levels; 1x8x8; 1077 + 360 + 360; embedded
    """
    return {
        line.name: f"{line.description}; {'x'.join(map(str, line.shape))}; "
        f"{' + '.join(map(str, line.sizes))}; {line.source}"
        for line in _ENTRIES
    }


def entry(name: str) -> Entry:
    """The catalogue's line for a name.

    Raises:
        SettingError: if the name is unknown; the nearest known name is suggested.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(str(name).lower(), CATALOGUE, n=1, cutoff=0.4)
    raise SettingError(
        f"unknown data set {name!r}",
        expected=f"one of {', '.join(CATALOGUE)}; or the path of a folder of images, a .npy or a .npz file",
        got=repr(name),
        fix=f'data="{near[0]}"' if near else 'data="digits"; for your own tensors: data={"x": tensor}',
        code="S031",
    )

"""Names that classes had in run folders of older formats, and those that they have today."""

from __future__ import annotations

__all__ = ["with_names_of_today"]

from typing import Any

# The format up to which a class was written by its old name: the name may since have been given to another class.
_RENAMED = {
    "ppgen.models:PixelCNN": (2, "ppgen.models:GatedPixelCNN"),
    "ppgen.nets:PixelCNN": (2, "ppgen.nets:GatedPixelCNN"),
}


def with_names_of_today(record: dict[str, Any]) -> dict[str, Any]:
    """A record of ``run.json``, with the classes that it names called as they are called today.

    Args:
        record: as it was read; it is changed, and returned.

    Example:
        >>> with_names_of_today({"format": 2, "model": {"class": "ppgen.models:PixelCNN"}})
        {'format': 2, 'model': {'class': 'ppgen.models:GatedPixelCNN'}}
    """
    waiting: list[Any] = [record]
    while waiting:  # not by recursion: a stranger's file may be as deep as its reader can go
        part = waiting.pop()
        if isinstance(part, dict):
            last, name = _RENAMED.get(str(part.get("class")), (0, ""))
            part.update({"class": name} if record["format"] <= last else {})
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return record

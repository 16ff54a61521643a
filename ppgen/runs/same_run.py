"""Whether a fit would go on with the run that was begun: the same model, data and settings."""

from __future__ import annotations

__all__ = ["what_differs"]

from collections.abc import Mapping
from typing import Any

_ADDED = {"optimizer": "adam", "average": None, "on_plateau": "stop"}  # what runs without these settings did


def what_differs(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """What a fit that would take up a run has otherwise than the run, ``None`` if nothing.

    Args:
        begun: the record of the run.
        now: that of the fit, as it is written.
    """
    before, after = ({**each, **each["settings"]} for each in (begun, now))
    # A schedule ends with the last epoch: another number of epochs would be another course from the start.
    free = ("patience", "max_epochs") if after.get("schedule", "constant") == "constant" else ("patience",)
    for key in ("model", "guide", "objective", "data", *now["settings"]):
        given = before.get(key, _ADDED.get(key))
        if key not in free and given != after[key] and not (key == "objective" and _lacks_critic(given, after[key])):
            return key
    return None


def _lacks_critic(begun: Any, now: Any) -> bool:
    """Whether two objectives are the same but for critics, which runs were not told of at first."""
    if not isinstance(begun, Mapping) or begun["class"] != now["class"]:
        return False
    is_told = _without_critics(begun) != begun["arguments"]
    return not is_told and (now["arguments"] is None or _without_critics(now) == begun["arguments"])


def _without_critics(objective: Any) -> dict[str, Any]:
    told = objective["arguments"] or {}
    return {name: value for name, value in told.items() if name not in ("critic", "critics")}

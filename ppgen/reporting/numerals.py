"""Numbers in running text."""

from __future__ import annotations

__all__ = ["numeral"]


def numeral(value: float, decimals: int) -> str:
    """A number with a true minus sign and never a negative zero.

    Example:
        >>> numeral(-18.432, 2), numeral(-0.001, 2)
        ('−18.43', '0.00')
    """
    text = f"{value:.{decimals}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", "−")

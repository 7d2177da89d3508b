"""Figures with their units, as a person reads them."""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """ "1 record", "2,000 records"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Seconds in words as coarse as a person wants them: "40 s", "3 min", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(size: float) -> str:
    """Bytes as "512 MB" or "1.4 GB"."""
    return f"{size / 2**20:.0f} MB" if size < 2**30 else f"{size / 2**30:.1f} GB"


def loss(value: float) -> str:
    """A loss per token: "2.60", and "0.0042" where it is so small that two digits would say nothing."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"

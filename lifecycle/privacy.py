"""Personal data as strangers may see it."""

from __future__ import annotations


def masked(text: str) -> str:
    """The first character of every word, and of an e-mail address its domain too: `A*** L***`, `a***@corp.example`."""
    return " ".join(_masked(word) for word in text.split())


def _masked(word: str) -> str:
    name, at, domain = word.rpartition("@")
    return f"{name[:1]}***@{domain}" if at else f"{word[:1]}***"


def is_shareable(entity_id: str) -> bool:
    """Whether a link may hold this id: an e-mail address is none that may."""
    return "@" not in entity_id

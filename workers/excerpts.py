"""Texts of which a part is shown: cut visibly, and not before secrets have been taken out."""

from __future__ import annotations

from typing import Any

from headrace.wording import cut, tail


class Excerpt(str):
    """A text of which the first `most` characters are shown; the last ones where is_tail is set.

    It stays whole until secrets have been taken out: half of a secret would not be recognised.
    """

    __slots__ = ("is_tail", "most")

    most: int
    is_tail: bool

    def __new__(cls, text: str, most: int, *, is_tail: bool = False) -> Excerpt:
        """Mark a text as one that is to be cut when it is shown."""
        excerpt = super().__new__(cls, text)
        excerpt.most = most
        excerpt.is_tail = is_tail
        return excerpt

    def like(self, text: str) -> Excerpt:
        """Give another text of the same limits."""
        return Excerpt(text, self.most, is_tail=self.is_tail)

    @property
    def shown(self) -> str:
        """What of it is shown, with a mark where it was cut."""
        return tail(self, self.most) if self.is_tail else cut(self, self.most)


def shown(value: Any) -> Any:
    """The same JSON value with every excerpt in it cut."""
    if isinstance(value, Excerpt):
        return value.shown
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value

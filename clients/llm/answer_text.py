"""The text of one answer, put together piece by piece as it is streamed."""

from __future__ import annotations

from clients.llm.provider import clean
from headrace.tools import OnText


class AnswerText:
    """Passes each piece on as it comes; `text` is exactly what was passed on."""

    def __init__(self, on_text: OnText | None = None) -> None:
        self._on_text = on_text
        self._pieces: list[str] = []
        #: The first half of a character whose second half comes with the next piece.
        self._half = ""

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(self, piece: str) -> None:
        """Take the next piece; JSON may cut a character in the middle of its two escapes."""
        piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        self._pass_on(piece)

    def close(self) -> None:
        """Take no more: half a character that is left has no other half."""
        half, self._half = self._half, ""
        self._pass_on(half)

    def _pass_on(self, piece: str) -> None:
        if not piece:
            return
        piece = clean(piece)
        self._pieces.append(piece)
        if self._on_text is not None:
            self._on_text(piece)

"""What a server answered, as the operations of the client read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.errors import ApiError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered with success."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def value(self) -> Any:
        """The JSON of the answer. Raises ApiError where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise self.unexpected("JSON") from None

    @property
    def document(self) -> Answered:
        """The JSON object of the answer. Raises ApiError where it is anything else."""
        document = self.value
        if not isinstance(document, dict):
            raise self.unexpected("a JSON object")
        return Answered(document, self)

    @property
    def is_replay(self) -> bool:
        """Whether the server knew the Idempotency-Key already and answered as it did then."""
        return self.headers.get("idempotency-replayed") == "true"

    def unexpected(self, wanted: str) -> ApiError:
        """Make the error of an answer that is something else."""
        text = self.content[:200].decode(errors="replace")
        return ApiError(self.status, {"detail": f"expected {wanted} from {self.url}, found {text!r}"})


class Answered(dict[str, Any]):
    """An object that a server answered, as operations read it; callers get a plain `dict` of it.

    A field that is read and not there is an ApiError that names it.
    """

    def __init__(self, document: dict[str, Any], answer: Answer) -> None:
        super().__init__(document)
        self._answer = answer

    def __missing__(self, name: str) -> Any:
        raise self._answer.unexpected(f"a JSON object with the field {name!r}")

    def each(self, name: str) -> list[Answered]:
        """Give the objects of a list, to be read in the same way."""
        return [Answered(document, self._answer) for document in self[name]]

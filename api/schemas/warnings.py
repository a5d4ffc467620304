"""One problem of what was sent, and the list of those that were no reason to refuse it."""

from typing import Annotated

from pydantic import BaseModel, Field


class ProblemEntry(BaseModel):
    path: str
    code: str
    message: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None


#: Of an answer; see `api/responses.py`.
Warnings = Annotated[
    list[ProblemEntry],
    Field(
        default=[],
        description="What is likely a mistake in what was sent, though it was taken; left out where there "
        "is nothing.",
    ),
]

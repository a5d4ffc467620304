"""Bodies of letters to nodes, and of the journals of durable handlers."""

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from api.schemas.workflow import StatusWord
from orchestrator.execution.letters import Journal, Letters, Posted

_AnyJson = Annotated[Any, WithJsonSchema({})]


class PostRequest(BaseModel):
    """Optional body of a letter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    payload: _AnyJson = Field(default=None, description="Any JSON, 256 KiB at most; null without it.")


class PostAnswer(BaseModel):
    """A letter that was taken."""

    execution_id: str
    node_id: str
    status: StatusWord = Field(description="The execution's.")
    letter: int = Field(description="Its number among all letters to the node, from 1.")


class LetterView(BaseModel):
    """A letter that no entry of a journal has taken yet."""

    letter: int
    payload: _AnyJson


class InboxView(BaseModel):
    """The inbox of a node, or of an item."""

    last: int = Field(description="Number of the newest letter; 0 before the first.")
    taken: int = Field(
        description="Number of the newest letter that was taken; letters leave in their order."
    )
    items: list[LetterView] = Field(description="The oldest of those that wait: 100, or 4 MiB.")


class EntryView(BaseModel):
    """One entry of a journal."""

    number: int
    data: _AnyJson


class JournalView(BaseModel):
    """The journal of a node, or of an item, or a part of it."""

    last: int = Field(description="Number of the newest entry; 0 before the first.")
    through: int = Field(description="Number of the newest entry that the snapshot stands for.")
    snapshot: _AnyJson = Field(description="What stands for the entries up to `through`; null without one.")
    bytes: int = Field(description="Of all that is kept.")
    items: list[EntryView] = Field(description="Entries behind the snapshot, in order.")
    next_after: int | None = Field(description="`after` of the next part; null where none follows.")


def post_fields(done: Posted) -> dict[str, Any]:
    """Show what became of a letter."""
    return {
        "execution_id": done.execution_id,
        "node_id": done.node_id,
        "status": str(done.status),
        "letter": done.letter,
    }


def inbox_fields(letters: Letters) -> dict[str, Any]:
    """Show an inbox; payloads are spliced in as stored."""
    return {
        "last": letters.last,
        "taken": letters.taken,
        "items": [
            {"letter": letter.number, "payload": orjson.Fragment(letter.payload)}
            for letter in letters.waiting
        ],
    }


def journal_fields(journal: Journal) -> dict[str, Any]:
    """Show a journal; its data are spliced in as stored."""
    newest = journal.entries[-1].number if journal.entries else journal.last
    return {
        "last": journal.last,
        "through": journal.through,
        "snapshot": None if journal.snapshot is None else orjson.Fragment(journal.snapshot),
        "bytes": journal.bytes,
        "items": [{"number": entry.number, "data": orjson.Fragment(entry.data)} for entry in journal.entries],
        "next_after": newest if newest < journal.last else None,
    }

"""What of a run's store is kept: what steps have changed that have ended, and nothing of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel
from workflows.context.serializers import JsonSerializer
from workflows.context.state_store import DictState, InMemoryStateStore

from headrace.llama.known_types import KnownTypes
from headrace.llama.store import KeptStore, merge, payload_of, texts_of


class Both:
    """A store, and what is kept of it."""

    def __init__(self, **values: Any) -> None:
        self.store = InMemoryStateStore(DictState(**values))
        self.serializer = JsonSerializer()
        first = texts_of(self.store.to_dict(self.serializer))
        self.kept = KeptStore(self.store, self.serializer, first)
        self.written = dict(first)

    async def set(self, step: str, key: str, value: Any) -> None:
        await self.store.set(key, value)
        self.kept.note(step)

    def commit(self, *at_work: str) -> dict[str, Any]:
        merge(self.written, self.kept.commit(set(at_work)))
        assert self.written == self.kept.kept
        return {key[1:]: json.loads(text) for key, text in self.written.items()}


async def test_what_a_step_at_work_has_changed_is_not_kept() -> None:
    both = Both(done="no")

    await both.set("a", "mine", 1)
    await both.set("b", "done", "yes")

    assert both.commit("a") == {"done": "yes"}
    assert both.commit() == {"done": "yes", "mine": 1}


@pytest.mark.parametrize(
    ("first", "by_a", "by_b", "kept"),
    [
        (1, 3, 13, 11),
        (None, 2, 7, 5),
        ([0], [0, 1], [0, 1, 2], [0, 2]),
        ({"x": 1}, {"x": 1, "a": 1}, {"x": 5, "a": 1, "b": 2}, {"x": 5, "b": 2}),
        ({"n": {"x": 1}}, {"n": {"x": 2}}, {"n": {"x": 12}}, {"n": {"x": 11}}),
        ("first", "by a", "by b", "by b"),
        ([1, 2], [1, 2, 3], [9], [9]),
        (True, False, True, True),
    ],
)
async def test_what_steps_add_to_the_same_value_is_told_apart(
    first: Any, by_a: Any, by_b: Any, kept: Any
) -> None:
    both = Both(**({} if first is None else {"value": first}))

    await both.set("a", "value", by_a)
    await both.set("b", "value", by_b)

    # The step `a` is lost, and `b` has ended.
    assert both.commit("a") == {"value": kept}
    # It has ended after all: nothing is left of it to be told apart.
    assert both.commit() == {"value": by_b}


async def test_of_changes_in_turns_each_call_has_its_own() -> None:
    both = Both(n=0)

    for step, value in (("a", 1), ("b", 11), ("a", 12), ("a", 13), ("b", 23)):
        await both.set(step, "n", value)

    # The step `a` has added 3 by then, in three changes, and `b` 20.
    assert both.commit("a") == {"n": 20}
    assert both.commit() == {"n": 23}


async def test_a_value_that_cannot_be_written_is_said_once_it_would_be_kept() -> None:
    both = Both(n=0)

    await both.set("a", "n", {1, 2})
    with pytest.raises(ValueError, match="Failed to serialize"):
        both.kept.commit(set())
    await both.set("a", "n", 2)

    assert both.commit() == {"n": 2}


class Connection:
    """Cannot be written."""


class Message(BaseModel):
    content: str


class ChatStore(BaseModel):
    """Keeps messages, and cannot write them itself."""

    store: dict[str, list[Message]]


class Memory(BaseModel):
    """As an agent of LlamaIndex remembers, where its class cannot be written."""

    chat_store: ChatStore
    token_limit: int = 10

    def class_name(self) -> str:
        return "Memory"

    def to_dict(self) -> dict[str, Any]:
        raise TypeError("an incompatible version")

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Memory:
        return cls.model_validate(fields)


async def test_what_an_agent_remembers_is_kept_where_its_class_cannot_write_it() -> None:
    serializer = KnownTypes()
    memory = Memory(chat_store=ChatStore(store={"chat": [Message(content="hello")]}))
    store = InMemoryStateStore(DictState())
    kept = KeptStore(store, serializer, {})
    await store.set("memory", memory)
    kept.note("a")
    memory.chat_store.store["chat"].append(Message(content="again"))

    written = kept.commit(set())[".memory"]

    found = serializer.deserialize(written)
    assert isinstance(found, Memory)
    assert found == memory


@pytest.mark.filterwarnings("ignore::workflows.context.state_store.UnserializableKeyWarning")
async def test_what_the_library_leaves_out_is_said_once() -> None:
    said: list[str] = []
    store = InMemoryStateStore(DictState())
    kept = KeptStore(store, KnownTypes(), {}, said.append)
    await store.set("memory", Connection())

    first = kept.commit(set())
    await store.set("other", 1)
    second = kept.commit(set())

    assert (first, list(second)) == ({}, [".other"])
    assert [text.partition(",")[0] for text in said] == ["'memory' in the store of the run cannot be written"]


async def test_a_value_changed_without_a_word_to_the_store_is_kept() -> None:
    both = Both(items=[1])

    (await both.store.get("items")).append(2)

    assert both.commit("a") == {"items": [1, 2]}


async def test_a_key_that_is_gone_is_gone() -> None:
    both = Both(a=1, b=2)

    await both.store.clear()
    both.kept.note("a")
    await both.set("b", "b", 3)

    assert both.commit() == {"b": 3}


class State(BaseModel):
    total: int = 0
    names: list[str] = []


async def test_of_a_store_that_is_a_model_fields_are_told_apart_from_the_first_change_on() -> None:
    store, serializer = InMemoryStateStore(State()), KnownTypes()
    kept = KeptStore(store, serializer, {})

    async with store.edit_state() as state:
        state.total += 1
    kept.note("a")
    async with store.edit_state() as state:
        state.total += 10
        state.names.append("b")
    kept.note("b")
    written: dict[str, Any] = {}
    merge(written, kept.commit({"a"}))

    restored: Any = InMemoryStateStore.from_dict(payload_of(written), serializer)
    assert await restored.get_state() == State(total=10, names=["b"])


def test_a_store_that_is_a_model_is_kept_whole() -> None:
    payload = {
        "store_type": "in_memory",
        "state_type": "State",
        "state_module": "app",
        "state_data": '{"n": 1}',
    }

    assert payload_of(texts_of(payload)) == payload
    assert payload_of({}) == {}

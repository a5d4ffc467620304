"""What ended steps have put into the store of a run, told apart from what others have that are at work."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from workflows.context.serializers import BaseSerializer
from workflows.context.state_store import DictState, InMemoryStateStore, StateStore, encode_state

#: The text of each key of a store under `.KEY`; one that is a model of its own is all under "".
Texts = dict[str, Any]


class Write(NamedTuple):
    """One change of a store: by which call of a step, and of each key the value before and after it."""

    invocation: str | None
    changed: dict[str, tuple[Any, Any]]


class StepStore:
    """A store that tells of each change, once it has been made."""

    def __init__(self, store: StateStore[Any], on_change: Callable[[], None]) -> None:
        self._store, self._on_change = store, on_change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def set_state(self, state: Any) -> None:
        await self._store.set_state(state)
        self._on_change()

    async def set(self, path: str, value: Any) -> None:
        await self._store.set(path, value)
        self._on_change()

    async def clear(self) -> None:
        await self._store.clear()
        self._on_change()

    @asynccontextmanager
    async def edit_state(self) -> AsyncIterator[Any]:
        async with self._store.edit_state() as state:
            yield state
        self._on_change()


class KeptStore:
    """A store as it is kept: with what ended steps have changed, so that one that runs again begins afresh.

    Where steps that are at work at a time change the same key, what each has added to a number, a list or an
    object is told apart; of any other value the last one counts.

    kept  the store at the beginning.
    say   says something to whoever looks at the run.
    """

    def __init__(
        self,
        store: InMemoryStateStore[Any],
        serializer: BaseSerializer,
        kept: Mapping[str, Any],
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.kept: Texts = dict(kept)
        self._store, self._serializer, self._say = store, serializer, say
        self._left_out: set[str] = set()
        self._live: Texts = dict(kept)
        self._writes: list[Write] = []
        #: The call of a step that has changed the store last, and the state that it has left: the library
        #: changes a copy, which takes the place of the state before.
        self._newest: tuple[str | None, Any] | None = None
        if kept or store.state_type is not DictState:
            # What a new store begins with is nobody's change, and is kept with the first one.
            with suppress(Exception):  # What cannot be written is said by `commit`.
                self._look(None, self._state())

    def note(self, invocation: str | None) -> None:
        """Note that a call of a step has just changed the store.

        All that it changes is looked at together: once another one has made a change, or at `commit`.
        Raises ValueError for a value of the one before that cannot be written.
        """
        before, self._newest = self._newest, (invocation, self._state())
        if before is not None and before[0] != invocation:
            self._look(*before)

    def _look(self, invocation: str | None, state: Any) -> None:
        now = self._texts(state)
        changed = {
            key: (self._live.get(key), now.get(key))
            for key in self._live.keys() | now.keys()
            if self._live.get(key) != now.get(key)
        }
        if changed:
            self._writes.append(Write(invocation, changed))
            self._live = now

    def _state(self) -> Any:
        """Give what the store is just now; None for one that nobody has changed yet."""
        record = self._store._memory_storage.load_sync()
        return None if record is None else record.data

    def _texts(self, state: Any) -> Texts:
        """Give a state as texts by key: what `to_dict` gives, without the model that it makes for it."""
        if state is None:
            return texts_of(self._store.to_dict(self._serializer))
        data, name, module = encode_state(state, self._serializer)
        if isinstance(state, DictState):
            self._say_left_out(key for key, _ in state.items() if key not in data["_data"])
        return texts_of({"state_data": data, "state_type": name, "state_module": module})

    def _say_left_out(self, keys: Iterable[str]) -> None:
        """Name keys, each once, whose values the library leaves out where they cannot be written."""
        for key in keys:
            if key not in self._left_out:
                self._left_out.add(key)
                self._say(
                    f"'{key}' in the store of the run cannot be written, and is not kept: steps do not "
                    "find it once the run has waited for long, or has lost its process"
                )

    def commit(self, at_work: set[str]) -> Texts:
        """Take over what steps have changed that are not at work any more; gives the keys that are new.

        A value that was changed in place, without the store, is taken over at once. Raises ValueError as
        `note` does.
        """
        newest, self._newest = self._newest, None
        now = self._state()
        if newest is not None:
            self._look(newest[0], newest[1])
        if newest is None or newest[1] is not now:
            self._look(None, now)
        before = self.kept
        left = [write for write in self._writes if write.invocation in at_work]
        if left:
            kept = dict(before)
            for write in self._writes:
                if write.invocation not in at_work:
                    _apply(write, kept)
        else:
            kept = self._live
        self.kept, self._writes = kept, left
        changed = {key: text for key, text in kept.items() if before.get(key) != text}
        return changed | dict.fromkeys(before.keys() - kept.keys())


def _apply(write: Write, kept: Texts) -> None:
    for key, (before, after) in write.changed.items():
        found = kept.get(key)
        value = after if found == before else _merged_text(before, after, found)
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value


def _merged_text(before: Any, after: Any, found: Any) -> Any:
    """Merge the texts of a value; None for none. What is no JSON counts as it is."""
    if not isinstance(after, str):
        return after
    try:
        values = [None if each is None else json.loads(each) for each in (before, after, found)]
    except (ValueError, TypeError):
        return after
    return json.dumps(_merged(*values))


def _merged(before: Any, after: Any, found: Any) -> Any:
    """Give `found` with what has been added between `before` and `after`; None where there was nothing."""
    if before == after:
        return found
    if _is_number(after) and all(each is None or _is_number(each) for each in (before, found)):
        return (found or 0) + after - (before or 0)
    if all(each is None or isinstance(each, list) for each in (before, after, found)):
        old, has = before or [], found or []
        return has + after[len(old) :] if after[: len(old)] == old else after
    if all(each is None or isinstance(each, dict) for each in (before, after, found)):
        old, has = before or {}, found or {}
        merged = {key: value for key, value in has.items() if key in after or key not in old}
        changed = {key: value for key, value in after.items() if old.get(key) != value}
        return merged | {key: _merged(old.get(key), value, has.get(key)) for key, value in changed.items()}
    return after


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def merge(texts: Texts, changes: Mapping[str, Any]) -> None:
    """Apply what `commit` gave."""
    for key, text in changes.items():
        if text is None:
            texts.pop(key, None)
        else:
            texts[key] = text


def texts_of(payload: Mapping[str, Any]) -> Texts:
    """Give the library's form of a store as texts by key; `payload_of` undoes it."""
    data = payload["state_data"]
    if isinstance(data, dict):
        return {f".{key}": text for key, text in data.get("_data", {}).items()}
    return {"": data, "type": payload["state_type"], "module": payload["state_module"]}


def payload_of(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Give a store in the library's form; {} for an empty one."""
    if not texts:
        return {}
    if "" in texts:
        name, module, data = texts["type"], texts["module"], texts[""]
    else:
        name, module = "DictState", "workflows.context.state_store"
        data = {"_data": {key[1:]: text for key, text in texts.items()}}
    return {"store_type": "in_memory", "state_type": name, "state_module": module, "state_data": data}

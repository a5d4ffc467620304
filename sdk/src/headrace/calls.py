"""Operations of the API, described once and carried out by two clients: one that waits and one that awaits.

An operation is a generator: it yields requests, is sent their answers, and returns what they come to. Nothing
in it knows how a request is sent.

    class Queues(Part[Way]):
        @operation
        def list(self) -> Steps[list[Queue]]:
            answer = yield Request("GET", path_of("queues"))
            return [Queue.from_dict(each) for each in answer.document["items"]]

Of `Queues[Sync]` it is a method that returns the list, of `Queues[Async]` a coroutine.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload
from urllib.parse import quote

from headrace.answers import Answer, Answered
from headrace.values import Event

Document = dict[str, Any]
Documents = list[Document]
#: Parameters of a query; a list is one that comes several times.
Query = Mapping[str, str | list[str]]


class Built(Protocol):
    """What was built in Python, such as a `headrace.Workflow`."""

    def to_dict(self) -> Document:
        """Give the definition."""


#: A workflow as it is sent: an object, YAML text, or one that was built in Python.
Definition = Mapping[str, Any] | str | Built

P = ParamSpec("P")
T = TypeVar("T")

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    body              is sent as JSON; content as it is, under the Content-Type in headers.
    allow             statuses that count as success as well.
    answered_after_s  how long the server may take on purpose.
    is_safe           whether it may be sent again when its answer is not known.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    content: bytes | None = None
    query: Query | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[int, ...] = ()
    answered_after_s: float = 0
    is_safe: bool = False


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One item of a list that is read page after page."""

    item: T


@dataclass(frozen=True, slots=True)
class History:
    """The events of an execution to follow to its end.

    after            the seq read last.
    give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
    """

    path: str
    after: int = 0
    give_up_after_s: float | None = 60.0


Steps = Generator[Request, Answer, T]
#: Requests, and items as they are found; what is sent for an item is None.
Pages = Generator[Request | Found[T], Any, None]


class Sync(Protocol):
    """Carries out operations while the caller waits."""

    def run(self, steps: Steps[T]) -> T: ...

    def iterate(self, pages: Pages[T]) -> Iterator[T]: ...

    def follow(self, history: History) -> Iterator[Event]: ...


class Async(Protocol):
    """Carries out operations as coroutines."""

    def run(self, steps: Steps[T]) -> Coroutine[Any, Any, T]: ...

    def iterate(self, pages: Pages[T]) -> AsyncIterator[T]: ...

    def follow(self, history: History) -> AsyncIterator[Event]: ...


Way = TypeVar("Way", bound="Sync | Async")


class Part(Generic[Way]):
    """Operations on one noun, such as `client.workflows`."""

    def __init__(self, way: Way) -> None:
        self._way = way


class Operation(Generic[P, T]):
    """A method, or a coroutine, as the client of its part has it."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps
        self.__doc__ = steps.__doc__

    def steps(self, *arguments: P.args, **named: P.kwargs) -> Steps[T]:
        """Give the requests of the operation, to be part of another one."""
        return self._steps(None, *arguments, **named)

    @overload
    def __get__(self, part: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, part: Part[Sync], owner: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, part: Part[Async], owner: type[Any]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, part: Part[Any] | None, owner: type[Any]) -> Any:
        if part is None:
            return self

        def call(*arguments: P.args, **named: P.kwargs) -> Any:
            return part._way.run(self._steps(part, *arguments, **named))

        return update_wrapper(call, self._steps)


class Listing(Generic[P, T]):
    """A method that gives an iterator, or an async one, as the client of its part has it."""

    def __init__(self, pages: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self._pages = pages
        self.__doc__ = pages.__doc__

    @overload
    def __get__(self, part: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, part: Part[Sync], owner: type[Any]) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, part: Part[Async], owner: type[Any]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, part: Part[Any] | None, owner: type[Any]) -> Any:
        if part is None:
            return self

        def call(*arguments: P.args, **named: P.kwargs) -> Any:
            return part._way.iterate(self._pages(part, *arguments, **named))

        return update_wrapper(call, self._pages)


class Stream(Generic[P]):
    """A method that gives events as they come, waiting or awaited, as the client of its part has it."""

    def __init__(self, history: Callable[Concatenate[Any, P], History]) -> None:
        self._history = history
        self.__doc__ = history.__doc__

    @overload
    def __get__(self, part: None, owner: type[Any]) -> Self: ...
    @overload
    def __get__(self, part: Part[Sync], owner: type[Any]) -> Callable[P, Iterator[Event]]: ...
    @overload
    def __get__(self, part: Part[Async], owner: type[Any]) -> Callable[P, AsyncIterator[Event]]: ...
    def __get__(self, part: Part[Any] | None, owner: type[Any]) -> Any:
        if part is None:
            return self

        def call(*arguments: P.args, **named: P.kwargs) -> Any:
            return part._way.follow(self._history(part, *arguments, **named))

        return update_wrapper(call, self._history)


def operation(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Operation[P, T]:
    """Make an operation of a generator of requests."""
    return Operation(steps)


def listing(pages: Callable[Concatenate[Any, P], Pages[T]]) -> Listing[P, T]:
    """Make a list that is read page after page, as far as the caller goes, of a generator."""
    return Listing(pages)


def stream(history: Callable[Concatenate[Any, P], History]) -> Stream[P]:
    """Make a stream of events of the history it follows."""
    return Stream(history)


# --- the requests that operations are made of


def get(path: str, query: Query | None = None, *, answered_after_s: float = 0) -> Steps[Answered]:
    """Read a document."""
    answer = yield Request("GET", path, query=query, answered_after_s=answered_after_s, is_safe=True)
    return answer.document


def get_value(path: str) -> Steps[Any]:
    """Read JSON of any kind."""
    answer = yield Request("GET", path, is_safe=True)
    return answer.value


def get_items(path: str) -> Steps[Documents]:
    """Read a list that comes in one piece."""
    found: Documents = (yield from get(path))["items"]
    return found


def post(path: str, body: Mapping[str, Any], *, is_safe: bool = False) -> Steps[Answered]:
    """Send a document.

    is_safe  whether nothing more changes when it is sent again.
    """
    answer = yield Request("POST", path, body=body, is_safe=is_safe)
    return answer.document


def post_once(
    path: str, body: Mapping[str, Any], key: str | None, *, wait_s: int | None = None
) -> Steps[Answer]:
    """Send a document that takes effect once for each Idempotency-Key.

    key     the caller's, who may then repeat the call; a new one without it.
    wait_s  ask for the answer once what was started has ended, or after so many seconds.
    """
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    if wait_s is not None:
        headers["Prefer"] = f"wait={wait_s}"
    return (
        yield Request("POST", path, body=body, headers=headers, answered_after_s=wait_s or 0, is_safe=True)
    )


def patch(path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Steps[Answered]:
    """Change fields of what the path names."""
    answer = yield Request("PATCH", path, body=body, headers=headers or {})
    return answer.document


def delete(path: str) -> Steps[None]:
    """Delete what the path names."""
    yield Request("DELETE", path)


def get_pages(path: str, query: Query | None = None, *, limit: int | None = None) -> Pages[Document]:
    """Read a list page after page, at most `limit` of its items."""
    asked: dict[str, str | list[str]] = dict(query or {})
    left = limit
    while left is None or left > 0:
        asked["limit"] = str(min(left or LARGEST_PAGE, LARGEST_PAGE))
        page = yield from get(path, asked)
        for item in page["items"]:
            yield Found(item)
        if left is not None:
            left -= len(page["items"])
        if not page["next_cursor"]:
            return
        asked["cursor"] = page["next_cursor"]


def each_of(pages: Pages[Document], read: Callable[[Document], Steps[T] | T]) -> Pages[T]:
    """Make a value of each document of a list; `read` may ask for more to do so."""
    answer = None
    while True:
        try:
            step = pages.send(answer)
        except StopIteration:
            return
        if isinstance(step, Found):
            value = read(step.item)
            yield Found((yield from value) if isinstance(value, Generator) else value)
            answer = None
        else:
            answer = yield step


def path_of(*parts: str) -> str:
    """`/v1/executions/e1/retry` from its parts; an id cannot lead to another route."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def given(**fields: Any) -> Document:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}

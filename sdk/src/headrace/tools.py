"""What a handler may ask of its worker: calls over HTTP, a language model, containers; and what they answer.

An async handler awaits a call; in a plain function the call waits by itself and gives the answer, which may
be awaited all the same: code of both kinds can share a function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from headrace.wording import unknown_attribute

T = TypeVar("T")

#: Called with each piece of an answer as it comes, in order; together they are the answer.
OnText = Callable[[str], None]
#: Called with each line a container writes.
OnLine = Callable[[Literal["stdout", "stderr"], str], None]


#: What other HTTP clients have, and how it is written here.
_OF_OTHER_CLIENTS = {
    "json": "write json.loads(result.content)",
    "text": "write result.content.decode()",
    "body": "write result.content",
    "status_code": "write result.status",
    "ok": "write result.status < 400",
    "raise_for_status": "look at result.status: any status is an answer",
}


_VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
_BY_VERB = {verb: f"write context.http.request({verb.upper()!r}, url)" for verb in _VERBS}


class OneCall:
    """What has `request` alone, and says so to those who look for a method by the verb."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise unknown_attribute("context.http", name, ["request"], _BY_VERB)


class Given(Coroutine[Any, Any, T]):
    """A value that is there already: awaited, or run as a task, it gives itself."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return cast(T, self)

    def send(self, value: Any) -> Any:
        raise StopIteration(self)

    def throw(self, type: Any, value: Any = None, traceback: Any = None) -> Any:
        raise type if value is None else value

    def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class HttpResult(Given["HttpResult"]):
    """An answer, whatever its status. `url` is the last one asked; header names are in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    url: str = ""
    duration_ms: int = 0

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise unknown_attribute(
                "an HttpResult", name, list(HttpResult.__annotations__), _OF_OTHER_CLIENTS
            )

    def __hash__(self) -> int:
        # As a task it is kept in sets, and its headers have no hash.
        return hash((self.status, self.url, self.content))


@dataclass(frozen=True, slots=True)
class LlmUsage:
    """Tokens of one or more calls. `input` leaves out what was read from or written to the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def __add__(self, other: LlmUsage) -> LlmUsage:
        return LlmUsage(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
        )

    def to_dict(self) -> dict[str, int]:
        return {
            "input": self.input,
            "output": self.output,
            "cache_read": self.cache_read,
            "cache_write": self.cache_write,
        }


@dataclass(frozen=True, slots=True)
class LlmReply(Given["LlmReply"]):
    """One answer: the text of its text blocks, joined; exactly what was streamed piece by piece.

    cost_usd  its price; None where that is not known.
    """

    text: str
    model: str
    usage: LlmUsage
    stop_reason: str
    is_simulated: bool = False
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ContainerResult(Given["ContainerResult"]):
    """A container that came to its end by itself, whatever its exit code."""

    exit_code: int
    stdout: bytes
    #: The last of it, for messages.
    stderr_tail: bytes
    is_out_of_memory: bool
    duration_ms: int


class Http(Protocol):
    """The guarded HTTP client: every address is checked, on every redirect again."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
        follow_redirects: bool = True,
        private: Collection[str] = (),
        resends_body: bool = False,
    ) -> HttpResult:
        """Send one request and read its answer; any status is an answer.

        timeout_s     for the whole call, redirects and body included; HTTP_TIMEOUT_S without it.
        max_bytes     of the unpacked body; never above OUTPUT_MAX_BYTES.
        private       headers that never go to another origin; credentials, and headers with a secret of the
                      worker in them, are private anyway.
        resends_body  also to another origin, where a redirect (307, 308) asks for it.
        Raises Retryable (`Http.Transport`), or Terminal: `ConfigError`, `SsrfBlocked`, `OutputTooLarge`,
        `Http.RedirectRefused`.
        """


class Llm(Protocol):
    """The language model of the worker; what it uses counts against the budgets of the execution."""

    def complete(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        system: str | None = None,
        model: str | None = None,
        max_tokens: int = 4096,
        schema: Mapping[str, Any] | None = None,
        effort: str | None = None,
        cache: bool | str = False,
        extra_body: Mapping[str, Any] | None = None,
        on_text: OnText | None = None,
    ) -> LlmReply:
        """Make one call, of `prompt` or `messages`; the fields are those of the handler `llm`.

        schema   asks for JSON of this schema; the answer is not checked by it.
        on_text  gets the answer piece by piece. `context.token` streams it to those who watch, from the
                 worker itself.
        Raises what the handler `llm` fails with. Calls of one attempt are made one after the other.
        """


class Containers(Protocol):
    """The runner of containers on the container engine of the worker."""

    def run(
        self,
        image: str,
        *,
        args: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        input: Any = None,
        working_dir: str | None = None,
        network: str = "none",
        memory_mb: int | None = None,
        cpus: float | None = None,
        timeout: float | str = "10m",
        pull: Literal["missing", "always", "never"] = "missing",
        on_line: OnLine | None = None,
    ) -> ContainerResult:
        """Run a container to its end; the fields are those of the handler `container`.

        on_line  gets each line of output; without it they are lines of the node, as `node.log` events.
        Raises Retryable and Terminal of the types `Container.…`. It is stopped as soon as the work is not
        wanted any more.
        """

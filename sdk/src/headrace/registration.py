"""`@handler` declares handlers; a worker that imports their module runs them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.configs import config_problems
from headrace.outcome import Terminal
from headrace.wording import text_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from headrace.context import Context

HandlerFunction = Callable[..., Any]
F = TypeVar("F", bound=HandlerFunction)

NAME_PATTERN = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """One handler: its function and what is known of it before it runs. Callable like the function itself."""

    name: str
    function: HandlerFunction
    is_async: bool
    aliases: tuple[str, ...] = ()
    #: Pydantic model of the config; the function then receives an instance instead of a dict.
    config_model: type[BaseModel] | None = None
    #: Policy of nodes that have no `retry` of their own, as in a definition.
    retry: Mapping[str, Any] | None = None
    #: It has a journal and an inbox, and may park: code that lives longer than a worker.
    is_durable: bool = False
    #: Config fields that may hold `secrets.NAME`.
    secrets: tuple[str, ...] = ()
    #: The definition of a workflow that workers register with the handler.
    workflow: Mapping[str, Any] | None = None

    def __call__(self, config: Mapping[str, Any], context: Context) -> Any:
        """Run the handler; an awaitable if it is async. Raises Terminal (`ConfigError`) for a bad config."""
        return self.function(self.read_config(config), context)

    def read_config(self, config: Mapping[str, Any]) -> Any:
        """Give the config in the form the function takes. Raises Terminal (`ConfigError`)."""
        if self.config_model is None:
            return dict(config)
        from pydantic import ValidationError

        try:
            # Validators know by the context that no template is left to be resolved.
            return self.config_model.model_validate(dict(config), context=config)
        except ValidationError as error:
            raise self._refusal(self.config_model, config, error) from error
        except BaseException as error:
            # Nothing is awaited here, so it is the model's own, whatever it is: StopIteration of a bare
            # next() would otherwise end the attempt in ways that look like a result.
            cause = f"{type(error).__name__}: {text_of(error)}"
            message = f"config of handler '{self.name}' cannot be checked: {cause}"
            raise Terminal(message, type="ConfigError") from error

    def _refusal(self, model: type[BaseModel], config: Mapping[str, Any], error: ValidationError) -> Terminal:
        """Build the error of a config that is not valid."""
        found = config_problems(self.name, model, config, error, secrets=self.secrets)
        text = "; ".join(problem.message for problem in found)
        return Terminal(
            f"config of handler '{self.name}' is not valid: {text}",
            type="ConfigError",
            details={"problems": [{"path": each.path, "message": each.message} for each in found]},
        )

    @property
    def summary(self) -> str:
        """First line of the function's docstring."""
        return self.description.partition("\n")[0]

    @property
    def description(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.function) or ""

    @property
    def config_schema(self) -> dict[str, Any] | None:
        """JSON Schema of the config, templates apart; None where any config is taken."""
        return None if self.config_model is None else self.config_model.model_json_schema(by_alias=True)


#: Every name, aliases included -> its handler.
HANDLER_REGISTRY: dict[str, HandlerSpec] = {}


def handler(
    name: str,
    *aliases: str,
    retry: Mapping[str, Any] | None = None,
    config: type[BaseModel] | None = None,
    secrets: tuple[str, ...] = (),
    durable: bool = False,
    workflow: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Register a function as the handler `name`.

    aliases  other names that nodes may use.
    retry    what nodes without a policy of their own get: an object as in a definition.
    config   a pydantic model; the function then gets an instance of it.
    secrets  config fields that may hold `secrets.NAME`: those whose value goes to where the secret belongs,
             and into no output, log or error.
    durable  gives the node a journal and an inbox, and lets the function return Parked: for code that lives
             longer than a worker.
    workflow the definition of a workflow that runs the handler, as it would be sent to `/v1/workflows`: a
             worker that has loaded the handler registers it under its `name`.

    The function takes (config, context), sync or async, and returns Completed, Skipped, Waiting, or any value
    that has a meaning as JSON, a pydantic model or a dataclass included (then: Completed).
    Raises ValueError for a bad name, one that another function holds, and a function that cannot be called
    so; TypeError for an argument of the wrong kind.
    """

    if callable(name):
        raise TypeError(f"a handler has a name: write @handler({getattr(name, '__name__', 'name')!r})")
    _check_declared(name, retry, config, secrets)

    def register(function: F) -> F:
        spec = HandlerSpec(
            name=name,
            function=function,
            is_async=inspect.iscoroutinefunction(function),
            aliases=aliases,
            config_model=config,
            retry=retry,
            secrets=secrets,
            is_durable=durable,
            workflow=workflow,
        )
        _check_signature(spec)
        for each in (name, *aliases):
            _check_name(each, function)
        for each in (name, *aliases):
            HANDLER_REGISTRY[each] = spec
        return function

    return register


def _check_declared(name: str, retry: Any, config: Any, secrets: Any) -> None:
    """Raise TypeError for an argument that would mean something else, or nothing, once a node uses it."""
    if isinstance(secrets, str) or not all(isinstance(field, str) for field in secrets):
        raise TypeError(
            f"secrets of handler {name!r} are names of config fields, ('token',), got {secrets!r}"
        )
    if retry is not None and not isinstance(retry, Mapping):
        hint = "write retry={'max_attempts': …}"
        raise TypeError(f"retry of handler {name!r} is a policy, got {retry!r}; {hint}")
    if config is not None and not (isinstance(config, type) and hasattr(config, "model_validate")):
        raise TypeError(
            f"config of handler {name!r} is a pydantic model, the class itself, got {config!r:.80}"
        )


def _check_name(name: str, function: HandlerFunction) -> None:
    if not NAME_PATTERN.fullmatch(name):
        raise ValueError(f"handler name {name!r} is not allowed: 1 to 128 of A-Z a-z 0-9 _ . -")
    holder = HANDLER_REGISTRY.get(name)
    if holder is None:
        return
    # The same module may be imported twice (reload, `python -m`); only another function is a conflict.
    there, here = holder.function, function
    if (there.__module__, there.__qualname__) != (here.__module__, here.__qualname__):
        raise ValueError(
            f"handler '{name}' of {here.__module__}.{here.__qualname__} "
            f"is already registered by {there.__module__}.{there.__qualname__}"
        )


def _check_signature(spec: HandlerSpec) -> None:
    if inspect.isgeneratorfunction(spec.function) or inspect.isasyncgenfunction(spec.function):
        hint = "a handler returns its output; context.emit and context.token report on the way"
        raise ValueError(f"handler '{spec.name}' has a `yield`: {hint}")
    try:
        inspect.signature(spec.function).bind({}, None)
    except TypeError as error:
        where = f"{spec.function.__module__}.{spec.function.__qualname__}"
        raise ValueError(f"handler '{spec.name}' ({where}) must take (config, context): {error}") from error

"""The register of handlers: `@handler` writes it, workers run from it, submission checks by it."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import DefinitionInvalid, Problem
from workers.config_models import config_problems
from workers.excerpts import text_of
from workers.outcome import Terminal

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from workers.context import HandlerContext

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
    #: Policy of nodes that have no `retry` of their own.
    retry: RetryPolicy | None = None
    #: Config fields that may hold `secrets.NAME`.
    secrets: tuple[str, ...] = ()

    def __call__(self, config: Mapping[str, Any], context: HandlerContext) -> Any:
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
        found = config_problems(self.name, model, config, error, templates_open=False, secrets=self.secrets)
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
    retry: RetryPolicy | Mapping[str, Any] | None = None,
    config: type[BaseModel] | None = None,
    secrets: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register a function as the handler `name`.

    retry    what nodes without a policy of their own get; an object as in a definition does as well.
    secrets  config fields that may hold `secrets.NAME`: those whose value goes to where the secret belongs,
             and into no output, log or error.

    The function takes (config, context), sync or async, and returns an Outcome or any JSON value (then:
    Completed). Sync handlers run in a thread. Raises ValueError for a bad name or one that another function
    holds, and for a policy that cannot be one.
    """

    def register(function: F) -> F:
        spec = HandlerSpec(
            name=name,
            function=function,
            is_async=inspect.iscoroutinefunction(function),
            aliases=aliases,
            config_model=config,
            retry=_policy_of(retry, name),
            secrets=secrets,
        )
        _check_signature(spec)
        for each in (name, *aliases):
            _check_name(each, function)
        for each in (name, *aliases):
            HANDLER_REGISTRY[each] = spec
        return function

    return register


def _policy_of(retry: Any, name: str) -> RetryPolicy | None:
    if retry is None:
        return None
    try:
        # Also what comes as a policy: none of its numbers and patterns has been checked.
        return RetryPolicy.from_dict(retry.to_dict() if isinstance(retry, RetryPolicy) else retry)
    except DefinitionInvalid as error:
        raise ValueError(f"the retry policy of handler {name!r} cannot be used: {error}") from None


def load_modules(module_names: Iterable[str]) -> tuple[str, ...]:
    """Import the modules an installation names in HANDLERS; return the handler names they added.

    Raises ImportError naming the module and the cause: a worker that silently lacks a handler is worse than
    none.
    """
    before = names()
    for module_name in module_names:
        try:
            importlib.import_module(module_name)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise ImportError(f"cannot load handler module '{module_name}' (HANDLERS): {cause}") from error
    return tuple(sorted(names() - before))


def names() -> frozenset[str]:
    """All names a node may use here, aliases included."""
    return frozenset(HANDLER_REGISTRY)


def specs() -> list[HandlerSpec]:
    """Every handler once, by name."""
    return sorted(
        {spec.name: spec for spec in HANDLER_REGISTRY.values()}.values(), key=lambda spec: spec.name
    )


def find_handler(name: str) -> HandlerSpec | None:
    """The handler of that name, if this process has it."""
    return HANDLER_REGISTRY.get(name)


def get_handler(name: str) -> HandlerSpec:
    """The handler of that name; `noop` for an unknown one, as documented.

    A worker uses `find_handler`: to run nothing where something was asked for would be a lie.
    """
    return HANDLER_REGISTRY.get(name) or HANDLER_REGISTRY["noop"]


def default_retry(name: str) -> RetryPolicy | None:
    """The retry policy a handler declares for nodes without one."""
    spec = find_handler(name)
    return spec.retry if spec else None


def check_config(name: str, config: Mapping[str, Any]) -> list[Problem]:
    """List what a handler would refuse about a config, before anything runs; nothing for unknown handlers.

    A text with a template in it stands for a value of any type, so its type is left to the attempt; unknown
    and missing fields are listed now. Paths are relative to the node: `config.url`.
    """
    spec = find_handler(name)
    if spec is None or spec.config_model is None:
        return []
    from pydantic import ValidationError

    try:
        spec.config_model.model_validate(dict(config))
    except ValidationError as error:
        return config_problems(spec.name, spec.config_model, config, error, templates_open=True)
    except BaseException:
        # A validator that breaks, rather than refuses, may do so over a template: the attempt will tell.
        return []
    return []


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The register as a submission sees it: names, config checks, default policies.

    extra  names that live workers announce and this process does not have.
    """

    extra: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        return names() | self.extra

    def check_config(self, handler: str, config: Mapping[str, Any]) -> list[Problem]:
        return check_config(handler, config)

    def default_retry(self, handler: str) -> RetryPolicy | None:
        return default_retry(handler)

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        """Those the handler declares; any for one that only workers know."""
        spec = find_handler(handler)
        return spec.secrets if spec else None


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
    try:
        inspect.signature(spec.function).bind({}, None)
    except TypeError as error:
        where = f"{spec.function.__module__}.{spec.function.__qualname__}"
        raise ValueError(f"handler '{spec.name}' ({where}) must take (config, context): {error}") from error

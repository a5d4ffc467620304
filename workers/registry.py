"""The register of handlers as the engine uses it: filled by the built-in ones, asked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headrace.configs import config_problems
from headrace.registration import HANDLER_REGISTRY, HandlerSpec
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import DefinitionInvalid, Problem
from workers.cards import HandlerCard, decode_cards
from workers.config_models import has_template


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
    """The retry policy a handler declares for nodes without one. Raises ValueError where it cannot be one."""
    spec = find_handler(name)
    if spec is None or spec.retry is None:
        return None
    known = _POLICIES.get(name)
    if known is None or known[0] is not spec.retry:
        known = _POLICIES[name] = (spec.retry, _policy_of(spec.retry, spec.name))
    return known[1]


#: What each handler's policy, by name, came to.
_POLICIES: dict[str, tuple[Mapping[str, Any], RetryPolicy]] = {}


def _policy_of(retry: Mapping[str, Any], name: str) -> RetryPolicy:
    try:
        return RetryPolicy.from_dict(retry)
    except DefinitionInvalid as error:
        raise ValueError(f"the retry policy of handler {name!r} cannot be used: {error}") from None


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
        found = config_problems(spec.name, spec.config_model, config, error, is_open=has_template)
        return [Problem(each.path, "invalid_config", each.message, each.hint) for each in found]
    except BaseException:
        # A validator that breaks, rather than refuses, may do so over a template: the attempt will tell.
        return []
    return []


@lru_cache(maxsize=32)
def _decoded(text: bytes) -> Mapping[str, HandlerCard]:
    return decode_cards(text)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The handlers as a submission sees them: names, config checks, default policies.

    extra  names that live workers announce and this process does not have.
    cards  texts of the cards that live workers publish of them. Where two versions of a handler are live, a
           config is taken that one of them takes.
    """

    extra: frozenset[str] = frozenset()
    cards: tuple[bytes, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return names() | self.extra

    def check_config(self, handler: str, config: Mapping[str, Any]) -> list[Problem]:
        found = [card.check(config) for card in self._cards(handler)]
        return min(found, key=len) if found else check_config(handler, config)

    def default_retry(self, handler: str) -> RetryPolicy | None:
        return next((card.retry for card in self._cards(handler)), None) or default_retry(handler)

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        """Those the handler declares; any for one of which only the name is known."""
        if spec := find_handler(handler):
            return spec.secrets
        if cards := self._cards(handler):
            return tuple(set(cards[0].secrets).intersection(*(card.secrets for card in cards[1:])))
        return None

    def is_durable(self, handler: str) -> bool | None:
        """Whether one of its versions reads letters; None for one of which only the name is known."""
        if spec := find_handler(handler):
            return spec.is_durable
        cards = self._cards(handler)
        return any(card.is_durable for card in cards) if cards else None

    def listed(self) -> Iterator[HandlerCard]:
        """Every handler that has a card, once, by name."""
        found = {card.name: card for text in reversed(self.cards) for card in _decoded(text).values()}
        return (found[name] for name in sorted(found.keys() - names()))

    def _cards(self, handler: str) -> list[HandlerCard]:
        if find_handler(handler) is not None:
            return []
        return [card for text in self.cards if (card := _decoded(text).get(handler))]

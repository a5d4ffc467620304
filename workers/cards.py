"""Cards of handlers that run in hosts: what is known of them where their code is not imported."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.wording import did_you_mean, kind_of
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.documents import exact_json
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.templates.references import is_template


@dataclass(frozen=True, slots=True)
class HandlerCard:
    """One handler as its host describes it.

    workflow  the definition of a workflow that is registered with the handler; None where it brings none.
    shape   what can be said of a config without its model, see `headrace._shapes`; None: nothing.
    fields  all of the card, as it is published.
    """

    name: str
    aliases: tuple[str, ...]
    is_async: bool
    description: str
    config_schema: dict[str, Any] | None
    shape: Mapping[str, Any] | None
    retry: RetryPolicy | None
    secrets: tuple[str, ...]
    is_durable: bool
    workflow: dict[str, Any] | None
    fields: Mapping[str, Any]

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> HandlerCard:
        """Read a card. Raises ValueError for a retry policy that cannot be one."""
        try:
            retry = RetryPolicy.from_dict(fields["retry"]) if fields["retry"] is not None else None
        except DefinitionInvalid as error:
            raise ValueError(
                f"the retry policy of handler {fields['name']!r} cannot be used: {error}"
            ) from None
        return cls(
            name=fields["name"],
            aliases=tuple(fields["aliases"]),
            is_async=fields["is_async"],
            description=fields["description"],
            config_schema=fields["config_schema"],
            shape=fields["shape"],
            retry=retry,
            secrets=tuple(fields["secrets"]),
            # A package of an older version does not say.
            is_durable=fields.get("is_durable", False),
            workflow=fields.get("workflow"),
            fields=fields,
        )

    def check(self, config: Mapping[str, Any]) -> list[Problem]:
        """List what the handler would certainly refuse about a config; paths begin with `config`.

        These are unknown fields, missing ones, and a list or an object where a scalar must be.
        """
        return [] if self.shape is None else list(_problems(self, self.shape, config, "config"))


def _problems(
    card: HandlerCard, shape: Mapping[str, Any], value: Mapping[str, Any], path: str
) -> Iterator[Problem]:
    fields: Mapping[str, Any] = shape["fields"]
    by_name = {
        each: (name, field) for name, field in fields.items() for each in (name, *field.get("names", ()))
    }
    where = path.removeprefix("config").lstrip(".")
    if any(is_template(name) for name in value):
        return  # The name of a field is not known yet.
    for name, item in value.items():
        if name not in by_name:
            if shape["is_closed"]:
                shown = f"{where}.{name}".lstrip(".")
                message = f"handler '{card.name}' has no config field '{shown}'; allowed: {', '.join(fields)}"
                yield Problem(f"{path}.{name}", "invalid_config", message, did_you_mean(name, list(fields)))
            continue
        _, field = by_name[name]
        if field.get("is_scalar") and isinstance(item, dict | list):
            message = f"'{path}.{name}' must be a single value, found {kind_of(item)}"
            yield Problem(f"{path}.{name}", "invalid_config", message)
        elif (inner := field.get("shape")) is not None and isinstance(item, dict):
            yield from _problems(card, inner, item, f"{path}.{name}")
    for name, field in fields.items():
        if field["is_needed"] and not any(each in value for each in (name, *field.get("names", ()))):
            shown = f"{where}.{name}".lstrip(".")
            yield Problem(
                f"{path}.{name}", "invalid_config", f"handler '{card.name}' needs the config field '{shown}'"
            )


def encode_cards(cards: Iterable[HandlerCard]) -> tuple[str, bytes]:
    """Write the cards of a worker, and a digest of them that names this text."""
    ordered = sorted({card.name: card.fields for card in cards}.items())
    text = exact_json.dumps([fields for _, fields in ordered])
    return hashlib.sha256(text).hexdigest()[:32], text


def decode_cards(text: bytes) -> dict[str, HandlerCard]:
    """Read the cards of a worker, by every name they have."""
    cards = [HandlerCard.from_dict(fields) for fields in exact_json.loads(text)]
    return {name: card for card in cards for name in (card.name, *card.aliases)}

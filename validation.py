"""Judges definitions without Redis and without a server: `python -m validation`.

A process of its own, because the command line imports nothing of the engine. One line of JSON in: a list of
definitions, each an object, or YAML as text. One line out: a list of what `POST /v1/validate` answers, each
with the definition as the engine has it, `document`, where there are no errors; or {"error": …} where the
modules of HANDLERS cannot be loaded, which is tried in a process of their own. Documents of other shapes that
the API reads from files are read too.

Without live workers only the handlers are known that are built in or in the modules of HANDLERS. A name that
is nearly one of them is taken for a slip; any other may be offered by a worker, and is a warning. Likewise a
workflow that is started by name is known only where it is among the definitions.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import sdk_path  # noqa: F401  # `headrace` is found from here on
from api.schemas.views import validation_fields
from config import get_settings
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition
from orchestrator.definitions.foreign_handlers import foreign_handlers
from orchestrator.documents import exact_json
from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import Locate, load_yaml
from orchestrator.errors import DefinitionInvalid, HeadraceError, Problem
from orchestrator.lint.lint import lint
from orchestrator.lint.starts import known_beside, misfit_schedules, misfits, of_schedules, of_triggers
from orchestrator.operations.definitions import summarise
from orchestrator.operations.results import Validation
from wiring import limits_of
from workers.handlers import Catalogue
from workers.hosts.loading import load_cards
from workers.runtime.settings import host_settings

HINT = "a worker has to offer it; with a server, its workers are asked"


def judge(
    sent: Any,
    limits: Limits,
    own: Catalogue = Catalogue(),  # noqa: B008  # frozen
    beside: Sequence[Any] = (),
) -> dict[str, Any]:
    """Judge one definition, an object or YAML as text.

    own     the handlers that are known.
    beside  definitions that it may start by name.
    """
    locate: Locate | None = None
    in_words: Callable[[Problem], Problem] | None = None
    try:
        document, locate = load_yaml(sent, limits=limits) if isinstance(sent, str) else (sent, None)
        document, in_words = _native(document)
        definition, unknown = _compile(document, limits, own)
        if in_words is None and (misfit := misfit_schedules(definition)):
            raise DefinitionInvalid(misfit)
    except DefinitionInvalid as error:
        problems = error.problems if in_words is None else map(in_words, error.problems)
        return validation_fields(Validation(tuple(problems), (), None), locate)
    # What is likely a mistake in a definition that was made of another document is not its author's.
    likely = (*lint(definition, limits), *_of_starts(definition, beside)) if in_words is None else ()
    warnings = (*unknown, *likely)
    found = validation_fields(Validation((), warnings, summarise(definition)), locate)
    return found | {"document": document}


def _of_starts(definition: Definition, beside: Sequence[Any]) -> Iterator[Problem]:
    """Warn of what it starts, as far as that stands in it or beside it, and of what starts it."""
    yield from misfits(definition.source, known_beside([*beside, definition.source]))
    yield from of_schedules(definition)
    yield from of_triggers(definition.inputs_schema, definition.triggers)


def _readable(sent: Sequence[Any], limits: Limits) -> list[Any]:
    """Read the definitions that can be read."""
    found = []
    for each in sent:
        with suppress(DefinitionInvalid):
            found.append(load_yaml(each, limits=limits)[0] if isinstance(each, str) else each)
    return found


def _native(document: Any) -> tuple[Any, Callable[[Problem], Problem] | None]:
    """Make a definition of a document of another shape; also how its problems are said in terms of that one.

    Raises DefinitionInvalid.
    """
    if not isinstance(document, dict) or "nodes" in document or "dag" in document:
        return document, None
    # Here and not above: the other front doors take half a second to import.
    from api.dialects import DIALECTS

    for reader in (reader for dialect in DIALECTS for reader in dialect.readers):
        if reader.recognises(document):
            readable = reader.read(document)
            return readable.definition, readable.in_words or (lambda problem: problem)
    return document, None


def _compile(document: Any, limits: Limits, known: Catalogue) -> tuple[Definition, list[Problem]]:
    """Compile a definition, with a warning for each handler that only a worker can offer.

    Raises DefinitionInvalid.
    """
    try:
        return compile_definition(document, handlers=known, limits=limits), []
    except DefinitionInvalid as error:
        foreign = foreign_handlers(document, error.problems, known.names)
        if not foreign:
            raise
    either = Catalogue(known.extra | foreign.keys(), known.cards)
    definition = compile_definition(document, handlers=either, limits=limits)
    return definition, [
        replace(each, message=f"handler {name!r} is not built in, nor in a module of HANDLERS", hint=HINT)
        for name, each in foreign.items()
    ]


def main() -> None:
    """Answer the line on standard input."""
    logging.disable()  # What a worker would log is in the answer.
    try:
        settings = get_settings()
        own = Catalogue(*asyncio.run(load_cards(host_settings(settings))))
        limits = limits_of(settings)
        all_sent = exact_json.loads(sys.stdin.buffer.read())
        beside = _readable(all_sent, limits) if len(all_sent) > 1 else []
        answer: Any = [judge(sent, limits, own, beside) for sent in all_sent]
    except (HeadraceError, ImportError) as error:
        answer = {"error": str(error)}
    sys.stdout.buffer.write(exact_json.dumps(answer) + b"\n")


if __name__ == "__main__":
    main()

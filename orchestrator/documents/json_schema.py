"""JSON Schema: check schemas and the values sent for them, fill in defaults, and word what is wrong.

Schemas are as untrusted as the values: remote references are never fetched, patterns are matched in linear
time, and what a schema costs is counted before it is compiled and before each check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from headrace.wording import kind_of
from orchestrator.documents import exact_json
from orchestrator.documents.json_types import json_size
from orchestrator.documents.schema_costs import (
    MAX_COMPILING,
    TooMuch,
    checking_cost,
    compiling_cost,
    patterns_of,
    wording_cost,
)
from orchestrator.documents.schema_patterns import unsupported
from orchestrator.documents.schema_words import (
    SchemaFault,
    by_place,
    describe_error,
    describe_schema_error,
    hint_at,
    names_at,
    place_of,
)
from orchestrator.errors import InputsInvalid, Problem

MAX_PROBLEMS = 50
#: All schemas of one definition: about 2 s, none of which an event loop waits for.
MAX_TOGETHER = 40 * MAX_COMPILING
#: Schemas that cost more to compile have their first fault named only: listing takes several times as long.
MAX_LISTED = MAX_COMPILING // 10
#: Keywords whose problems hold others, or what may be a long list.
_GATHERING = (b'"anyOf"', b'"oneOf"', b'"propertyNames"', b'"not"', b'"enum"', b'"const"')
#: Units that the schemas of the definition have left which is being compiled.
_left: ContextVar[list[int] | None] = ContextVar("schemas_of_a_definition", default=None)
_OUTSIDE = "points outside the schema; only '#/…' is allowed"


@dataclass(frozen=True, slots=True)
class Effort:
    """What one check may cost, and what naming its problems may; in units of about 50 ns."""

    checking: int
    wording: int


#: In an event loop that others wait for: neither takes more than about 50 ms.
IN_A_LOOP = Effort(400_000, 300_000)
#: In a worker, for what attempts put out: a megabyte by an ordinary schema, and about 50 ms at most.
IN_A_WORKER = Effort(1_000_000, 300_000)
#: In a process that serves checks only, and that is ended when it takes too long.
APART = Effort(60_000_000, 60_000_000)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The problems of one value.

    is_partial  a greater effort would say more: whether it fits at all, or where it does not.
    """

    problems: tuple[Problem, ...] = ()
    is_partial: bool = False


def schema_problem(schema: Any, what: str = "inputs") -> str | None:
    """Say what is wrong with a schema first of all, or None. `what`: the field that holds it."""
    return next((fault.message for fault in schema_faults(schema, what)), None)


def schema_faults(schema: Any, what: str = "inputs") -> list[SchemaFault]:
    """List what is wrong with a schema. `what`: the field that holds it, with which each place begins."""
    if not isinstance(schema, dict):
        return [SchemaFault("", f"the {what} schema must be an object, got {kind_of(schema)}")]
    try:
        text = exact_json.dumps(schema)
        found, cost = _counted(text)
        _spend_together(cost)
        if faults := _bad_references_and_patterns(found):
            return faults
        if cost <= MAX_LISTED and (faults := _bad_keywords(found, what)):
            return faults
        _compiled(text)
    except TooMuch:
        message = (
            f"the {what} schema is too large, by itself or with others of this definition: leave parts "
            "out, or repeat less in its patterns ('maxLength' limits a text as well)"
        )
        return [SchemaFault("", message)]
    except ValidationError as error:
        return [describe_schema_error(error, what)]
    except (RecursionError, ValueError, TypeError) as error:
        return [SchemaFault("", f"not a usable JSON Schema: {type(error).__name__}")]
    return []


def _bad_keywords(schema: dict[str, Any], what: str) -> list[SchemaFault]:
    """List the keywords with a value that they cannot have, one fault for each place."""
    faults: dict[str, SchemaFault] = {}
    for error in sorted(_every_keyword().iter_errors(schema), key=by_place):
        fault = describe_schema_error(error, what)
        faults.setdefault(fault.place, fault)
        if len(faults) >= MAX_PROBLEMS:
            break
    return list(faults.values())


@lru_cache(maxsize=1)
def _every_keyword() -> Draft202012Validator:
    return Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})


def compile_schema(schema: dict[str, Any]) -> bool:
    """Compile a schema unless that was done before; says whether it took time. Raises nothing."""
    before = _compiled.cache_info().misses
    with contextlib.suppress(TooMuch, ValidationError, RecursionError, ValueError, TypeError):
        _compiled(exact_json.dumps(schema))
    return _compiled.cache_info().misses > before


@contextlib.contextmanager
def one_definition() -> Iterator[None]:
    """Bound what the schemas of one definition cost together to compile."""
    token = _left.set([MAX_TOGETHER])
    try:
        yield
    finally:
        _left.reset(token)


def check_inputs(schema: dict[str, Any] | None, inputs: Any) -> dict[str, Any]:
    """Give the inputs with defaults filled in; raises InputsInvalid with every problem found."""
    filled = filled_inputs(schema, inputs)
    if schema is not None and (problems := value_problems(schema, filled, "inputs")):
        raise InputsInvalid(problems)
    return filled


def filled_inputs(schema: dict[str, Any] | None, inputs: Any) -> dict[str, Any]:
    """Fill in the declared defaults; `inputs` stays as it is. Raises InputsInvalid for what is no object."""
    given = {} if inputs is None else inputs
    if not isinstance(given, dict):
        message = f"inputs must be an object, got {kind_of(given)}"
        raise InputsInvalid([Problem("inputs", "wrong_type", message)])
    filled: dict[str, Any] = given if schema is None else _with_defaults(schema, given)
    return filled


def value_problems(schema: dict[str, Any], value: Any, what: str) -> list[Problem]:
    """List what a schema finds wrong with a value; `what` begins the path of each problem."""
    return list(judge(schema, value, what).problems)


def judge(schema: dict[str, Any], value: Any, what: str, effort: Effort = IN_A_LOOP) -> Verdict:
    """Check a value by a schema, as far as the effort goes."""
    try:
        validator = _compiled(exact_json.dumps(schema))
        checking_cost(schema, value, effort.checking)
        return Verdict() if validator.is_valid(value) else _found(validator, schema, value, what, effort)
    except TooMuch as error:
        message = f"the schema asks for too many checks of this {what}"
        return Verdict((Problem(what, "too_complex", message),), not error.is_final)
    except ValidationError as error:
        return _unusable(what, describe_schema_error(error, "schema").message)
    except Exception as error:  # whatever a strange schema makes of strange values is the caller's problem
        return _unusable(what, f"{type(error).__name__}: {str(error)[:200]}")


def _unusable(what: str, why: str) -> Verdict:
    return Verdict((Problem(what, "unusable_schema", f"the {what} cannot be checked: {why}"),))


def _found(
    validator: Draft202012Validator, schema: dict[str, Any], value: Any, what: str, effort: Effort
) -> Verdict:
    """Word what is wrong with a value. The library lists all errors or the first, each with its value."""
    try:
        wording_cost(schema, value, effort.wording)
    except TooMuch:
        return _first(validator, schema, value, what, effort)
    errors = sorted(validator.iter_errors(value), key=by_place)
    return Verdict(tuple(_problem(error, what, schema) for error in errors[:MAX_PROBLEMS]))


def _first(
    validator: Draft202012Validator, schema: dict[str, Any], value: Any, what: str, effort: Effort
) -> Verdict:
    """Word one problem, where that alone costs little."""
    if not _gathers(schema) and json_size(value) <= effort.wording // 2:
        try:
            validator.validate(value)
        except ValidationError as error:
            return Verdict((_problem(error, what, schema),), is_partial=True)
    message = f"the {what} does not fit its schema, and is too large for its problems to be listed"
    return Verdict((Problem(what, "bad_input", message),), is_partial=True)


def _gathers(schema: Any) -> bool:
    """Say whether one problem may hold others."""
    text = exact_json.dumps(schema)
    return any(keyword in text for keyword in _GATHERING)


def _problem(error: ValidationError, what: str, schema: dict[str, Any]) -> Problem:
    where = f"{what}{place_of(error.instance_path)}"[:300]
    names = names_at(schema, error)
    return Problem(where, "bad_input", describe_error(error, where, names), hint_at(error, names))


def _with_defaults(schema: Any, value: dict[str, Any]) -> dict[str, Any]:
    """Fill in declared defaults, also inside objects that are there; copies the objects that have any."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return value
    filled = value
    for name, below in properties.items():
        if not isinstance(below, dict):
            continue
        is_given = name in value
        if not is_given and "default" not in below:
            continue
        found = value[name] if is_given else below["default"]
        inner = _with_defaults(below, found) if isinstance(found, dict) else found
        if not is_given or inner is not found:
            filled = dict(value) if filled is value else filled
            filled[name] = inner
    return filled


@lru_cache(maxsize=128)
def _compiled(schema: bytes) -> Draft202012Validator:
    """Compile a schema. Raises TooMuch, ValidationError.

    This matcher knows neither look-around nor back-references, and takes linear time.
    """
    found, _ = _counted(schema)
    return Draft202012Validator(
        found, pattern_options=RegexOptions(), validate_formats=False, retriever=_refuse
    )


def _spend_together(cost: int) -> None:
    left = _left.get()
    if left is not None:
        left[0] -= cost
        if left[0] < 0:
            raise TooMuch(is_final=True)


def _counted(schema: bytes) -> tuple[Any, int]:
    """Read a schema whose compiling takes no more than an event loop allows. Raises TooMuch."""
    if len(schema) > MAX_COMPILING:
        raise TooMuch(is_final=True)
    found = exact_json.loads(schema)
    cost = compiling_cost(found)
    if cost > MAX_COMPILING:
        raise TooMuch(is_final=True)
    return found, cost


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri[:100]!r} {_OUTSIDE}")


def _bad_references_and_patterns(schema: dict[str, Any]) -> list[SchemaFault]:
    faults: list[SchemaFault] = []
    stack: list[tuple[Any, tuple[str | int, ...]]] = [(schema, ())]
    while stack and len(faults) < MAX_PROBLEMS:
        part, path = stack.pop()
        if isinstance(part, list):
            stack += [(below, (*path, index)) for index, below in reversed([*enumerate(part)])]
        elif isinstance(part, dict):
            stack += [(below, (*path, name)) for name, below in reversed([*part.items()])]
            for keyword in ("$ref", "$dynamicRef"):
                target = part.get(keyword)
                if isinstance(target, str) and not target.startswith("#"):
                    message = f"{keyword} {target[:100]!r} {_OUTSIDE}"
                    faults.append(SchemaFault(place_of((*path, keyword)), message))
            for text in patterns_of(part):
                if name := unsupported(text):
                    message = f"the pattern {text[:100]!r} has {name}, which is not supported"
                    faults.append(SchemaFault(place_of(path), message))
    return faults

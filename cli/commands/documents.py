"""Definitions and inputs as commands are given them: files, standard input, KEY=VALUE words, JSON options."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from cli.commands.input_types import put_input
from cli.commands.near_files import file_hint

STDIN = Path("-")
EMPTY_FILE = "the file is empty; a workflow has a name and nodes"
#: Words of YAML 1.2 that are no text: `yes`, `on`, `1:30` and dates are.
_PLAIN_WORDS = {
    "null": r"^(?:~|null|Null|NULL|)$",
    "bool": r"^(?:true|True|TRUE|false|False|FALSE)$",
    "int": r"^[-+]?(?:0|[1-9][0-9]*)$",
    "float": r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
}


def read_definition(file: Path, raw: bytes | None = None) -> dict[str, Any] | str:
    """The workflow in a file: JSON as an object; anything else as text for the server's YAML reader.

    raw  what is in the file, where that has been read.
    The server reads the YAML, so that line and column in its messages are those of the file.
    Raises ValueError that names file, line and column.
    """
    text = read_text(file, raw)
    if not text.strip():
        raise ValueError(f"{file}: {EMPTY_FILE}")
    if not is_json(file, text):
        return text
    document = parse_json(text, file)
    if not isinstance(document, dict):
        raise ValueError(f"{file}: a workflow is a JSON object, this is {kind_of(document)}")
    return document


@dataclass(frozen=True, slots=True)
class GivenInputs:
    """What the command line holds; what a word means is known once the schema is.

    filed  the object of the inputs file; None without one.
    words  key and text of each word, in order.
    """

    filed: Mapping[str, Any] | None
    words: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, pairs: list[str] | None, file: Path | None = None) -> GivenInputs:
        """Read the file and take the words apart. Raises ValueError."""
        filed = None
        if file is not None:
            filed = parse_json(read_text(file), file)
            if not isinstance(filed, dict):
                raise ValueError(f"{file}: inputs are a JSON object, this is {kind_of(filed)}")
        words = []
        for pair in pairs or ():
            key, equals, text = pair.partition("=")
            if not equals or not key:
                raise ValueError(f"-i {pair!r}: expected KEY=VALUE")
            words.append((key, text))
        return cls(filed, tuple(words))

    def values(self, definition: Mapping[str, Any] | str | None) -> dict[str, Any] | None:
        """The inputs of an execution of a definition; None if none were given at all."""
        if self.filed is None and not self.words:
            return None
        schema = schema_of(definition) if self.words else None
        values = dict(self.filed or {})
        for key, text in self.words:
            put_input(values, key, text, schema)
        return values


def read_inputs(
    pairs: list[str] | None, file: Path | None, definition: Mapping[str, Any] | str | None = None
) -> dict[str, Any] | None:
    """The inputs of a definition that is at hand; None if none were given at all. Raises ValueError."""
    return GivenInputs.read(pairs, file).values(definition)


def read_labels(pairs: list[str] | None) -> dict[str, str] | None:
    """Labels from words; None if none were given. Raises ValueError."""
    labels: dict[str, str] = {}
    for pair in pairs or ():
        # As the API writes them, too; a name has no colon.
        mark = ":" if ":" in pair.partition("=")[0] else "="
        name, found, value = pair.partition(mark)
        if not found or not name or not value:
            raise ValueError(f"--label {pair!r}: expected NAME=VALUE")
        if name in labels:
            raise ValueError(f"--label {name!r} is given twice")
        labels[name] = value
    return labels or None


def read_trigger(file: Path | None) -> dict[str, Any] | None:
    """The trigger document in a file; None without one. Raises ValueError."""
    if file is None:
        return None
    document = parse_json(read_text(file), file)
    if not isinstance(document, dict):
        raise ValueError(f"{file}: a trigger document is a JSON object, this is {kind_of(document)}")
    return document


def schema_of(definition: Mapping[str, Any] | str | None) -> Any:
    """The schema of the inputs of a definition; None where it has none, or cannot be read.

    Then the server says what is wrong with it, by line and column.
    """
    return _field_of(definition, "inputs")


def has_steps(definition: Mapping[str, Any] | str) -> bool:
    """Whether it is no native definition but a document with `steps`, as workflow files may be."""
    if isinstance(definition, str) and "steps" not in definition:
        return False
    document = _read_yaml(definition) if isinstance(definition, str) else definition
    return isinstance(document, Mapping) and "steps" in document and not document.keys() & {"nodes", "dag"}


def is_stubs(file: Path) -> bool:
    """Whether a file is named as the stubs beside a workflow are: `order.stubs.yaml`."""
    return file.stem.endswith(".stubs")


def title_of(definition: Mapping[str, Any] | str) -> str:
    """The title of a definition; empty where it has none, or cannot be read."""
    title = _field_of(definition, "name")
    return title if isinstance(title, str) else ""


def _field_of(definition: Mapping[str, Any] | str | None, name: str) -> Any:
    document = _read_yaml(definition) if isinstance(definition, str) else definition
    return document.get(name) if isinstance(document, Mapping) else None


def _read_yaml(text: str) -> Any:
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads plain words as the server does."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    for kind, pattern in _PLAIN_WORDS.items():
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(pattern), None)
    try:
        return yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def read_option(name: str, text: str | None) -> Any:
    """The value of an option that takes JSON; None without it. Raises ValueError that names the option."""
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from None


def is_json(file: Path, text: str) -> bool:
    """Whether a file holds JSON: by its name, or by how standard input begins."""
    return file.suffix.lower() == ".json" or (file == STDIN and text.lstrip().startswith("{"))


def parse_json(text: str, file: Path) -> Any:
    """Strict JSON: what the server would refuse, such as a doubled key, is refused with the file's name."""
    if not text.strip():
        raise ValueError(f"{file}: the file is empty")
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def read_text(file: Path, raw: bytes | None = None) -> str:
    """The text of a file, or of standard input; UTF-8, or UTF-16 and UTF-32 as editors save them.

    Raises ValueError that names the file.
    """
    raw = read_bytes(file) if raw is None else raw
    try:
        encoding = json.detect_encoding(raw)  # By its byte order mark, which is no part of the text.
        return raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not {error.encoding.upper()} at byte {error.start}") from None


def read_bytes(file: Path) -> bytes:
    """What is in a file, or comes by standard input. Raises ValueError that names the file."""
    try:
        return sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file{file_hint(file)}") from None
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None


def kind_of(document: Any) -> str:
    """Name a document's type as messages do."""
    names = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(document), "a number")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} appears twice in one object")
    return document

"""Definitions and inputs as commands are given them: files, standard input, KEY=VALUE words, JSON options."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

STDIN = Path("-")


def read_definition(file: Path) -> dict[str, Any] | str:
    """The workflow in a file: JSON as an object; anything else as text for the server's YAML reader.

    The server reads the YAML, so that line and column in its messages are those of the file.
    Raises ValueError that names file, line and column.
    """
    text = read_text(file)
    if not is_json(file, text):
        return text
    document = parse_json(text, file)
    if not isinstance(document, dict):
        raise ValueError(f"{file}: a workflow is a JSON object, this is {_kind(document)}")
    return document


def read_inputs(pairs: list[str], file: Path | None) -> dict[str, Any] | None:
    """Inputs from a file and from KEY=VALUE words; None if there are none at all. Raises ValueError."""
    values: dict[str, Any] = {}
    if file is not None:
        document = parse_json(read_text(file), file)
        if not isinstance(document, dict):
            raise ValueError(f"{file}: inputs are a JSON object, this is {_kind(document)}")
        values |= document
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ValueError(f"-i {pair!r}: expected KEY=VALUE")
        try:
            values[key] = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            values[key] = text
    return values if values or file is not None else None


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
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def read_text(file: Path) -> str:
    """The text of a file, or of standard input; UTF-8, or UTF-16 and UTF-32 as editors save them.

    Raises ValueError that names the file.
    """
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        encoding = json.detect_encoding(raw)  # By its byte order mark, which is no part of the text.
        return raw.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file") from None
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not {error.encoding.upper()} at byte {error.start}") from None


def _kind(document: Any) -> str:
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

"""`./headrace run`: what it reads from files and from the command line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cli.commands.documents import STDIN, read_definition, read_inputs, read_labels, read_trigger


def written(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


def test_json_becomes_an_object_and_yaml_stays_text(tmp_path: Path) -> None:
    assert read_definition(written(tmp_path, "a.json", '{"name": "a"}')) == {"name": "a"}
    assert read_definition(written(tmp_path, "a.yaml", "name: a\n")) == "name: a\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": }', r"a\.json:1:10: not valid JSON: Expecting value"),
        ('{"name": 1, "name": 2}', "key 'name' appears twice"),
        ('{"limit": NaN}', "NaN is not JSON"),
        ("[1]", "a workflow is a JSON object"),
        (" \n", r"a\.json: the file is empty; a workflow has a name and nodes"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, "a.json", text)

    with pytest.raises(ValueError, match=message):
        read_definition(file)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        read_definition(tmp_path / "none.json")


def test_inputs_are_json_where_they_parse_and_text_where_not() -> None:
    values = read_inputs(["amount=250", "who=Jane", "tags=[1, 2]", "url=http://x?a=b", "empty="], None)

    assert values == {"amount": 250, "who": "Jane", "tags": [1, 2], "url": "http://x?a=b", "empty": ""}


def test_inputs_given_one_by_one_beat_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "inputs.json", '{"amount": 1, "who": "Jane"}')

    assert read_inputs(["amount=2"], file) == {"amount": 2, "who": "Jane"}


def test_no_inputs_at_all_are_none_and_an_empty_file_is_not() -> None:
    assert read_inputs([], None) is None


@pytest.mark.parametrize("pair", ["amount", "=1"])
def test_an_input_without_key_or_value_is_refused(pair: str) -> None:
    with pytest.raises(ValueError, match="expected KEY=VALUE"):
        read_inputs([pair], None)


def test_inputs_have_the_types_of_the_schema_in_the_workflow(tmp_path: Path) -> None:
    text = """
name: a
inputs:
  type: object
  properties:
    id: {type: string}
    date: {enum: [2026-01-01, no, 1:30]}
nodes: []
"""
    pairs = ["id=123", "version=1.10", "date=no"]
    values = {"id": "123", "version": "1.10", "date": "no"}

    assert read_inputs(pairs, None, text) == values
    assert read_inputs(pairs, None, {"inputs": {"properties": {"id": {"type": "string"}}}}) == values
    assert read_inputs(["id=123"], None, "a: [") == {"id": 123}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_file_is_read_in_the_encodings_editors_and_shells_write(
    tmp_path: Path, name: str, encoding: str
) -> None:
    file = tmp_path / name
    file.write_bytes('{"name": "Grüße"}\r\n'.encode(encoding))

    definition = read_definition(file)

    assert definition == ({"name": "Grüße"} if name == "a.json" else '{"name": "Grüße"}\n')


def test_inputs_and_standard_input_may_begin_with_a_byte_order_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "inputs.json"
    file.write_bytes('{"who": "Jörg"}'.encode("utf-16"))
    piped = io.TextIOWrapper(io.BytesIO('{"name": "a"}'.encode("utf-8-sig")), encoding="ascii")
    monkeypatch.setattr("sys.stdin", piped)

    assert read_inputs([], file) == {"who": "Jörg"}
    assert read_definition(STDIN) == {"name": "a"}


def test_a_file_in_no_known_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"name: \xfc")

    with pytest.raises(ValueError, match=r"a\.yaml: not UTF-8 at byte 6"):
        read_definition(file)


def test_labels_are_words_each_name_once() -> None:
    assert read_labels(["team=blue", "env=a=b"]) == {"team": "blue", "env": "a=b"}
    assert read_labels(None) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["team"], "--label 'team': expected NAME=VALUE"),
        (["=x"], "expected NAME=VALUE"),
        (["team="], "expected NAME=VALUE"),
        (["team=a", "team=b"], "--label 'team' is given twice"),
    ],
)
def test_a_label_that_cannot_be_is_named(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_labels(words)


def test_a_trigger_document_is_an_object_in_a_file(tmp_path: Path) -> None:
    assert read_trigger(written(tmp_path, "t.json", '{"payload": {"n": 1}}')) == {"payload": {"n": 1}}
    assert read_trigger(None) is None
    with pytest.raises(ValueError, match="a trigger document is a JSON object, this is a list"):
        read_trigger(written(tmp_path, "list.json", "[1]"))

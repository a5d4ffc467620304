"""`./headrace run`: what it reads from files and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.documents import read_definition, read_inputs


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

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from orchestrator.documents import yaml as yaml_room
from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import load_yaml, located
from orchestrator.errors import DefinitionInvalid, Problem

WORKFLOW = """\
name: order
nodes:
  - id: fetch
    handler: http
    config:
      url: "{{ inputs.url }}"
  - id: store
    handler: noop
    dependencies: [fetch, missing]
"""


#: The reader in C, if there is one, and the one in Python: what is refused and why must not differ.
LOADERS = [getattr(yaml, name) for name in ("CSafeLoader", "SafeLoader") if hasattr(yaml, name)]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(yaml_room, "_Loader", request.param)
    return request.param


def problems(text: str | bytes, limits: Limits | None = None) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as caught:
        load_yaml(text, limits=limits)
    return caught.value.problems


def test_values_have_the_meaning_their_writer_saw() -> None:
    text = (
        "on: no\nb: 012\nc: 1:30\nd: 2026-11-20\ne: yes\nf: 1.5\ng: ~\nh:\ni: 0x1F\nj: 1_000\nk: true\n"
        "l: '5'\nm: -7\nn: 1e3\no: .5\n7: x\n"
    )

    document, _ = load_yaml(text)

    assert document == {
        "on": "no",
        "b": 12,
        "c": "1:30",
        "d": "2026-11-20",
        "e": "yes",
        "f": 1.5,
        "g": None,
        "h": None,
        "i": "0x1F",
        "j": "1_000",
        "k": True,
        "l": "5",
        "m": -7,
        "n": 1000.0,
        "o": 0.5,
        "7": "x",
    }


def test_every_path_has_a_place() -> None:
    _, locate = load_yaml(WORKFLOW)

    assert locate("name") == (1, 7)
    assert locate("nodes[1].dependencies[1]") == (9, 27)
    assert locate("nodes[0].config.url") == (6, 12)
    assert locate("nodes[0].retry.max_attempts") == locate("nodes[0]") == (3, 5)
    assert locate("") == (1, 1)


def test_problems_get_line_and_column() -> None:
    _, locate = load_yaml(WORKFLOW)

    (problem,) = located([Problem("nodes[1].dependencies[1]", "x", "y")], locate)

    assert (problem.line, problem.column) == (9, 27)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: &x [1]\nb: *x", "anchor", 1),
        ("a: 1\nb: *x", "alias", 2),
        ("a: 1\nb:\n  c: 2\n  c: 3", "duplicate_key", 4),
        ("a: !!python/object/apply:os.system ['id']", "tag", 1),
        ("a: !!str 1", "tag", 1),
        ("<<: {a: 1}", "merge_key", 1),
        ("--- a\n--- b", "several_documents", 2),
        ("url: {{ A.x }}", "bad_key", 1),
        ("a: [1, 2", "bad_yaml", 2),
        ("a: .nan", "not_finite", 1),
        ("a: -.inf", "not_finite", 1),
        ("a: 1e999", "not_finite", 1),
        ("a: 99999999999999999999999", "big_integer", 1),
        ("[" * 5_000, "too_deep", 1),
        ("- " * 5_000, "too_deep", 1),
    ],
)
def test_what_is_dangerous_or_ambiguous_is_refused(text: str, code: str, line: int) -> None:
    problem = problems(text)[-1]

    assert (problem.code, problem.line) == (code, line)


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))

    assert problems(bomb)[0].code == "anchor"


def test_size_and_count_are_bounded() -> None:
    assert problems("a" * 2_000_000)[0].kind == "size"
    assert problems("[1, 2, 3, 4]", Limits(max_yaml_values=4))[0].kind == "size"


@pytest.mark.parametrize(
    "text", [b"\xff\xfe\x00", "\x00", "a: '\ud800'", b"\x80abc", '"\\ud800"', "\t- a", "%YAML"]
)
def test_what_is_not_yaml_is_refused(text: str | bytes) -> None:
    assert problems(text)


def test_a_quoted_template_hint_is_given() -> None:
    assert "quoted" in (problems("url: {{ A.x }}")[0].hint or "")


TOO_DEEP = {
    "flow lists": "[" * 5_000,
    "flow lists behind text": "name: é\nnodes: " + "[" * 5_000,
    "one level too many": "[" * 65,
    "closed": "[" * 5_000 + "]" * 5_000,
    "mixed": "[{a: " * 5_000,
    "over lines": "[\n" * 5_000,
    "flow in block": "- " * 40 + "[" * 40,
    "before a syntax error": "[" * 70 + "@",
    "before an unclosed text": "[" * 70 + "'x",
    "before a control character": "[" * 70 + "\x07",
    "block lists": "- " * 5_000,
    "block mappings": "".join(" " * level + "a:\n" for level in range(500)),
}
NOT_DEEP = {
    "in a quoted text": "a: '" + "[" * 5_000,
    "in a double quoted text": 'a: "' + "[" * 5_000,
    "in a text in a list": "[" * 60 + '"' + "{" * 100,
    "in a comment": "a: [1 # " + "[" * 100,
    "in a block text": "a: |\n  " + "[" * 5_000 + "\nb: [",
    "within a word": "a: b" + "[" * 5_000 + "\nc: [",
    "one beside the other": "a: [" + "[]," * 500,
    "at the limit": "[" * 64,
    "behind a syntax error": "a: @\nb: " + "[" * 100,
}


@pytest.mark.parametrize("name", TOO_DEEP)
@pytest.mark.usefixtures("loader")
def test_what_is_too_deep_is_called_so_whatever_else_is_wrong_behind_it(name: str) -> None:
    (problem,) = problems(TOO_DEEP[name])

    assert problem.code == "too_deep"


@pytest.mark.parametrize("name", NOT_DEEP)
@pytest.mark.usefixtures("loader")
def test_brackets_that_open_no_level_are_not_counted(name: str) -> None:
    (problem,) = problems(NOT_DEEP[name])

    assert problem.code == "bad_yaml"


@pytest.mark.parametrize("most", [65, 100, 1_000])
@pytest.mark.usefixtures("loader")
def test_a_library_with_a_limit_of_its_own_does_not_change_the_answer(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = yaml.parse

    def limited(text: str, **how: Any) -> Iterator[Any]:
        if text.count("[") > most:
            mark = yaml.Mark("", most, 0, most, None, 0)
            raise yaml.scanner.ScannerError("on the way down", mark, "no further", mark)
        return parse(text, **how)

    monkeypatch.setattr(yaml, "parse", limited)

    (problem,) = problems("[" * 5_000)

    assert (problem.code, problem.line, problem.column) == ("too_deep", 1, 65)


def test_a_library_that_overflows_says_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflows(text: str, **how: Any) -> Iterator[Any]:
        raise RecursionError

    monkeypatch.setattr(yaml, "parse", overflows)

    assert problems("[" * 5_000)[0].code == "too_deep"


@pytest.mark.parametrize("text", ["[", "[\n", "- ", "{a: ", "[]\n,", "a: [\n"])
def test_each_character_is_parsed_twice_at_most(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, given = yaml.parse, list[int]()

    def counted(source: str, **how: Any) -> Iterator[Any]:
        given.append(len(source))
        return parse(source, **how)

    monkeypatch.setattr(yaml, "parse", counted)
    hostile = text * (1_000_000 // len(text))

    assert problems(hostile)
    assert sum(given) <= 2 * len(hostile)

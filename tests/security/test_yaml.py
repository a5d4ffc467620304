"""Hostile YAML: refused by what it is, soon, and through the front door as well."""

from __future__ import annotations

import resource
from typing import Any

import httpx2
import pytest

from orchestrator.documents.yaml import load_yaml
from orchestrator.errors import DefinitionInvalid

LAUGHS = "a0: &a0 [lol]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: *a{i - 1}, y{i}: *a{i - 1}}}\n" for i in range(1, 30)
)

#: Name -> what is sent, and the code of the problem it is refused with.
BOMBS: dict[str, tuple[str, str]] = {
    "billion laughs": (LAUGHS, "anchor"),
    "billion laughs in a definition": (f"name: x\nnodes: []\n{LAUGHS}", "anchor"),
    "merge keys": (MERGES, "anchor"),
    "quadratic alias": (f"a: &a {'x' * 1_000}\nb: [{', '.join(['*a'] * 1_000)}]", "anchor"),
    "alias to itself": ("&a [*a]", "anchor"),
    "mapping that holds itself": ("&a {b: *a}", "anchor"),
    "alias as key": ("&a x: 1\n*a : 2", "anchor"),
    "anchor on nothing": ("a: &b", "anchor"),
    "alias of nothing": ("a: *b", "alias"),
    "merge of a list": ("<<: [{a: 1}, {b: 2}]", "merge_key"),
    "merge in flow": ("a: {<<: {b: 1}}", "merge_key"),
    "flow lists": ("[" * 5_000, "too_deep"),
    "closed flow lists": ("[" * 5_000 + "]" * 5_000, "too_deep"),
    "flow mappings": ("{a: " * 5_000, "too_deep"),
    "block lists": ("- " * 5_000 + "x", "too_deep"),
    "block mappings": ("".join(" " * i + "a:\n" for i in range(500)) + " " * 500 + "b", "too_deep"),
    "questions": ("? " * 5_000 + "x", "bad_key"),
    "one level too many": ("[" * 65 + "]" * 65, "too_deep"),
    "many values": ("[" + "1," * 250_000 + "]", "too_large"),
    "large text": ("a" * 1_100_000, "too_large"),
    "large document": ("a: b\n" * 300_000, "too_large"),
    "the same key twice": ("name: a\nname: b", "duplicate_key"),
    "the same key twice in flow": ("{a: 1, a: 2}", "duplicate_key"),
    "the same key, once quoted": ('a: 1\n"a": 2', "duplicate_key"),
    "the same key, once escaped": ('a: 1\n"\\x61": 2', "duplicate_key"),
    "the same number twice": ("1: a\n1: b", "duplicate_key"),
    "a thousand times the same key": ("a: 1\n" * 1_000, "duplicate_key"),
    "key that is a list": ("? [a, b]\n: 1", "bad_key"),
    "key that is a mapping": ("? {a: b}\n: 1", "bad_key"),
    "unquoted template": ("url: {{ A.url }}", "bad_key"),
    "python object": ("!!python/object:os.system {}", "tag"),
    "python call": ("!!python/object/apply:os.system ['id']", "tag"),
    "python call, new": ("!!python/object/new:os.system ['id']", "tag"),
    "python name": ("a: !!python/name:os.system", "tag"),
    "python module": ("a: !!python/module:os", "tag"),
    "python tuple": ("a: !!python/tuple [1]", "tag"),
    "binary": ("a: !!binary aGk=", "tag"),
    "set": ("a: !!set {b, c}", "tag"),
    "ordered map": ("a: !!omap [b: 1]", "tag"),
    "timestamp": ("a: !!timestamp 2001-01-01", "tag"),
    "integer by tag": ("a: !!int '1'", "tag"),
    "own tag": ("a: !mine x", "tag"),
    "verbatim tag": ("a: !<tag:yaml.org,2002:python/object> x", "tag"),
    "tag on a key": ("!!str a: 1", "tag"),
    "tag on the document": ("!!map {a: 1}", "tag"),
    "declared tag": ("%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os x", "tag"),
    "several documents": ("a: 1\n---\nb: 2", "several_documents"),
    "a hundred documents": ("---\na: 1\n" * 100, "several_documents"),
    "not a number": ("a: .nan", "not_finite"),
    "infinity": ("a: -.INF", "not_finite"),
    "too large a float": ("a: 1e400", "not_finite"),
    "too large an integer": ("a: " + "9" * 5_000, "big_integer"),
    "a control character": ("a: \x07", "bad_yaml"),
    "an unclosed text": ('a: "' + "x" * 10_000, "bad_yaml"),
    "a tab for indentation": ("a:\n\tb: 1", "bad_yaml"),
    "half a character": ('a: "\\ud800"', "bad_yaml"),
}


@pytest.mark.timeout(60)  # what is not stopped would take hours
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_name_soon_and_small(name: str) -> None:
    text, code = BOMBS[name]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(DefinitionInvalid) as refused:
        load_yaml(text)

    assert code in {problem.code for problem in refused.value.problems}
    assert all(problem.message for problem in refused.value.problems)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000


async def test_the_front_door_refuses_all_of_them_and_goes_on(client: httpx2.AsyncClient) -> None:
    for name, (text, code) in BOMBS.items():
        body: Any = {"definition": text}
        answer = await client.post("/v1/executions", json=body)

        assert answer.status_code in (413, 422), (name, answer.text[:300])
        if len(text) < 1_000_000:  # a larger body is refused before it is read
            found = {problem["code"] for problem in answer.json()["errors"]}
            assert code in found, (name, found)
    assert (await client.get("/health")).json() == {"status": "ok"}

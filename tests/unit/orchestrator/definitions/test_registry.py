"""Names and ids of workflows."""

from __future__ import annotations

import pytest

from orchestrator.definitions.registry import (
    WorkflowRecord,
    hash_of,
    is_name,
    is_workflow_id,
    name_of,
    name_with_id,
    workflow_id_of,
)

ID = workflow_id_of(bytes(range(16)))


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Order Pipeline", "order-pipeline"),
        ("Bestellung prüfen", "bestellung-prufen"),
        ("  A -- b__C!  ", "a-b-c"),
        ("Ｆｕｌｌ ①", "full-1"),
        ("注文", ""),
        ("…", "..."[:0]),
        ("x" * 63 + " y", "x" * 63),
        ("x" * 80, "x" * 64),
        ("01900000-0000-7000-8000-000000000000", ""),
    ],
)
def test_a_title_makes_a_name(title: str, name: str) -> None:
    assert name_of(title) == name
    assert not name or is_name(name)


def test_a_name_with_an_id_ends_with_its_last_six_characters_and_fits() -> None:
    assert name_with_id("orders", ID) == f"orders-{ID[-6:]}"
    assert name_with_id("", ID) == f"-{ID[-6:]}"
    assert name_with_id("x" * 56 + "-yyyyyyy", ID) == "x" * 56 + f"-{ID[-6:]}"
    assert all(is_name(name_with_id(name, ID)) for name in ("", "orders", "x" * 64))


@pytest.mark.parametrize("text", ["", "Orders", "a_b", "a b", "ü", "x" * 65, ID, "a\n", "a/b"])
def test_what_is_no_name(text: str) -> None:
    assert not is_name(text)


def test_an_id_is_told_from_every_name() -> None:
    assert is_workflow_id(ID)
    assert len(ID) == 29
    assert not is_workflow_id(ID.upper())
    assert not is_workflow_id(ID + "\n")
    assert not is_workflow_id("wf_" + 26 * "1")


def test_a_hash_knows_where_its_parts_end() -> None:
    assert hash_of("ab", "c") != hash_of("a", "bc")
    assert hash_of("ab", b"c") == hash_of(b"ab", "c")


def record(**fields: bytes) -> WorkflowRecord:
    given = {
        "workflow_id": ID.encode(), "name": b"orders", "title": "Straße".encode(), "description": b"Ships",
        "labels": b'{"team":"shop"}', "is_active": b"1", "version": b"2", "hash": b"h", "media_type": b"m",
        "file": b"", "revision": b"3", "created_ms": b"4", "updated_ms": b"5",
    }  # fmt: skip
    return WorkflowRecord.from_redis(
        "default", {name.encode(): value for name, value in (given | fields).items() if value is not None}
    )


def test_a_record_is_found_by_what_it_says_whatever_the_case() -> None:
    assert record().has((), "STRASSE")
    assert record().has((), "order")
    assert record().has((), "SHIPS")
    assert not record().has((), "shop")


def test_a_record_from_before_there_were_interfaces_has_none() -> None:
    assert not record().has_interface
    assert record(has_interface=b"1").has_interface
    assert not record(has_interface=b"0").has_interface


def test_every_change_has_another_tag() -> None:
    assert record().tag == f"{ID}.3"
    assert record(revision=b"4").tag != record().tag


def test_a_record_that_no_engine_wrote_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the field b'hash'"):
        WorkflowRecord.from_redis(
            "default",
            {
                b"workflow_id": b"x",
                b"name": b"y",
                b"title": b"",
                b"description": b"",
                b"labels": b"{}",
                b"is_active": b"1",
                b"version": b"1",
            },
        )
    with pytest.raises(ValueError, match="invalid literal"):
        record(revision=b"?")

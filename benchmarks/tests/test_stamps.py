from pathlib import Path

import pytest

from benchmarks.stamps import WRITERS_MAX, StampReader, StampWriter


def test_reader_sees_what_every_writer_stamped_in_order_of_time(tmp_path: Path) -> None:
    reader = StampReader(tmp_path / "stamps")
    first, second = StampWriter(reader.path), StampWriter(reader.path)

    first.write("e1", "A")
    second.write("e1", "B")
    first.write("e1", "C")

    stamps = reader.since((0,) * WRITERS_MAX)
    assert [(stamp.execution_id, stamp.node_id) for stamp in stamps] == [
        ("e1", "A"),
        ("e1", "B"),
        ("e1", "C"),
    ]
    assert [stamp.at_ns for stamp in stamps] == sorted(stamp.at_ns for stamp in stamps)
    assert reader.total() == 3


def test_mark_hides_what_was_stamped_before_it(tmp_path: Path) -> None:
    reader = StampReader(tmp_path / "stamps")
    writer = StampWriter(reader.path)
    writer.write("e1", "A")
    mark = reader.counts()

    writer.write("e2", "B")

    assert [stamp.node_id for stamp in reader.since(mark)] == ["B"]


def test_ids_of_full_length_survive(tmp_path: Path) -> None:
    reader = StampReader(tmp_path / "stamps")

    StampWriter(reader.path).write("0" * 36, "n9999")

    (stamp,) = reader.since((0,) * WRITERS_MAX)
    assert (stamp.execution_id, stamp.node_id) == ("0" * 36, "n9999")


def test_writer_too_many_is_refused(tmp_path: Path) -> None:
    reader = StampReader(tmp_path / "stamps")
    writers = [StampWriter(reader.path) for _ in range(WRITERS_MAX)]

    with pytest.raises(RuntimeError, match=f"{len(writers)} writers already"):
        StampWriter(reader.path)

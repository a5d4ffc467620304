import pytest

from benchmarks.computing_handler import fibonacci
from benchmarks.stamps import Stamp, end_of
from benchmarks.tasks import overhead

MS = 1_000_000


def task(node_id: str, *, start_ms: int, end_ms: int) -> list[Stamp]:
    return [Stamp("e1", node_id, start_ms * MS), Stamp("e1", end_of(node_id), end_ms * MS)]


def test_time_outside_tasks_is_shared_among_them() -> None:
    stamps = [*task("n0", start_ms=11, end_ms=50), *task("n1", start_ms=53, end_ms=110)]

    found = overhead(stamps, started_ns=10 * MS)

    assert found["total ms"] == 100
    assert found["share inside tasks"] == pytest.approx(0.96)
    assert found["overhead ms/task"] == pytest.approx(2)


def test_a_task_without_overhead_is_all_there_is() -> None:
    found = overhead(task("n0", start_ms=10, end_ms=20), started_ns=10 * MS)

    assert (found["share inside tasks"], found["overhead ms/task"]) == (1, 0)


@pytest.mark.parametrize(("n", "value"), [(0, 0), (1, 1), (2, 1), (10, 55), (20, 6765)])
def test_fibonacci_numbers_are_right(n: int, value: int) -> None:
    assert fibonacci(n) == value

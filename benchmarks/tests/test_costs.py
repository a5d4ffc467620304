import pytest

from benchmarks.costs import commands_run, is_whole_history, node_costs


def test_costs_are_divided_by_the_nodes() -> None:
    costs = node_costs({"Redis": 8_000.0, "workers": 2_000.0}, 1_200, nodes=100)

    assert costs["Redis µs/node"] == 80
    assert costs["workers µs/node"] == 20
    assert costs["Redis commands/node"] == 12


def test_cpu_of_redis_alone_limits_the_nodes_per_second() -> None:
    costs = node_costs({"Redis": 8_000.0, "workers": 80_000.0}, 1_200, nodes=100)

    assert costs["nodes/s of one Redis"] == pytest.approx(12_500)


def test_scripts_count_by_the_commands_inside_them() -> None:
    stats = {
        "cmdstat_set": {"calls": 30},
        "cmdstat_xadd": {"calls": 12},
        "cmdstat_fcall": {"calls": 10},
        "cmdstat_evalsha": {"calls": 10},
        "cmdstat_config|resetstat": {"calls": 1},
    }

    assert commands_run(stats) == 42


@pytest.mark.parametrize(
    ("length", "last_id", "whole"),
    [
        (15, b"15-0", True),
        (14, b"14-0", False),  # an event was never written
        (14, b"15-0", False),  # an event is missing between others
        (16, b"16-0", False),  # a node started twice
        (15, b"15-1", False),  # an id that is not dense
    ],
)
def test_history_of_a_diamond_has_fifteen_events(length: int, last_id: bytes, whole: bool) -> None:
    assert is_whole_history(length, last_id, nodes=4) is whole

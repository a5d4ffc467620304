from benchmarks.driver import WORKLOADS, Plan
from benchmarks.stacks import SYSTEMS
from benchmarks.targets import TARGETS


def plan(*, systems: frozenset[str] = frozenset(), aof: bool = False) -> Plan:
    return Plan(rounds=1, only=frozenset(), systems=systems, aof=aof, patience_s=0)


def test_every_promise_names_a_workload_and_systems_that_exist() -> None:
    for target in TARGETS:
        systems = plan(aof=True).systems_of(target.workload)
        assert target.system in systems
        assert target.against is None or target.against in systems


def test_every_workload_names_systems_that_exist() -> None:
    assert all(SYSTEMS.keys() >= set(workload.systems) for workload in WORKLOADS.values())


def test_aof_is_measured_only_when_asked_for() -> None:
    assert "engine, AOF" in plan(aof=True).systems_of("W1")
    assert "engine, AOF" not in plan().systems_of("W1")


def test_plan_keeps_to_the_systems_it_names() -> None:
    assert plan(systems=frozenset({"floor B"})).systems_of("W1") == ["floor B"]

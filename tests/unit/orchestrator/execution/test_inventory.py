"""Workers as they announce themselves."""

from __future__ import annotations

from orchestrator.execution.inventory import WorkerInfo


def worker(*handlers: str, queues: tuple[str, ...] = ("default",)) -> WorkerInfo:
    return WorkerInfo("w1", "worker-1", "host", 7, frozenset(handlers), queues, 8, 0, 1_000, 2_000)


def test_a_worker_offers_what_it_has_on_the_queues_it_reads() -> None:
    found = worker("http", queues=("default", "gpu"))

    assert found.offers("http", "gpu")
    assert not found.offers("http", "mail")
    assert not found.offers("llm", "gpu")


def test_definitions_may_not_name_the_handlers_of_the_engine_itself() -> None:
    assert worker("http", "$output").named_handlers == {"http"}

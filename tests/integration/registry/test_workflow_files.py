"""Workflow files of a directory, registered by every API process that starts."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from config import ROOT, Settings
from main import create_app
from orchestrator.definitions.registry import Source
from orchestrator.documents.limits import Limits
from orchestrator.operations.workflow_files import READERS, Readable, register_files
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node, until, workflow

ORDER = "name: Order Pipeline\nnodes:\n  - {id: A, handler: noop}\n"


async def read(rig: Rig, directory: Path, **options: Any) -> dict[str, int]:
    return await register_files(directory, rig.engine.workflows, limits=Limits(), **options)


#: The files that come along.
SHIPPED = [path for path in (ROOT / "workflows").iterdir() if not path.stem.endswith(".stubs")]


async def test_files_are_registered_and_the_same_again_change_nothing(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text(ORDER)
    (tmp_path / "check.json").write_bytes(orjson.dumps(workflow(node("A"), name="Bestellung prüfen")))
    (tmp_path / "notes.txt").write_text("no workflow")
    (tmp_path / "order.stubs.yaml").write_text("nodes: {A: {fail: 1}}")

    first = await read(rig, tmp_path)
    before = await rig.dump()
    again = await read(rig, tmp_path)

    assert (first, again) == ({"created": 2}, {"unchanged": 2})
    assert await rig.dump() == before
    record = await rig.engine.workflows.get("order-pipeline")
    assert await rig.engine.workflows.source(record) == Source(ORDER.encode(), "application/yaml")


async def test_a_changed_file_is_a_new_version(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text(ORDER)
    await read(rig, tmp_path)
    (tmp_path / "order.yaml").write_text(ORDER.replace("id: A", "id: B"))

    assert await read(rig, tmp_path) == {"updated": 1}
    assert (await rig.engine.workflows.get("order-pipeline")).version == 2


async def test_a_file_that_stays_as_it_is_undoes_no_change(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "order.yaml").write_text(ORDER)
    await read(rig, tmp_path)
    document = workflow(node("C"), name="Order Pipeline")
    source = Source(orjson.dumps(document), "application/json")
    await rig.engine.workflows.put("order-pipeline", document, source, if_match=("*",))

    assert await read(rig, tmp_path) == {"unchanged": 1}
    assert (await rig.engine.workflows.get("order-pipeline")).version == 2


async def test_a_bad_file_is_one_line_with_its_place_and_the_rest_goes_on(
    rig: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.yaml").write_text("name: A\nnodes:\n  - {id: A, handler: noop, dependencies: [B]}\n")
    (tmp_path / "b.yaml").write_text("name: [\n")
    (tmp_path / "c.json").write_text('{"name": "C",\n "steps": []}')
    (tmp_path / "d.yaml").write_bytes(b"# " + 1024 * 1024 * b"x" + b"\nname: D\n")
    (tmp_path / "e.yaml").write_text(ORDER)
    (tmp_path / "f.yaml").write_text(ORDER)
    (tmp_path / "g.json").write_text("[]")

    with caplog.at_level(logging.ERROR, "headrace.workflows"):
        counts = await read(rig, tmp_path)

    assert counts == {"refused": 6, "created": 1}
    lines = {Path(record.file).name: record.error for record in caplog.records}  # type: ignore[attr-defined]
    assert len(caplog.records) == len(lines) == 6
    assert "(line 3, column 43)" in lines["a.yaml"] and "'B'" in lines["a.yaml"]
    assert "not valid YAML" in lines["b.yaml"] and "line 2" in lines["b.yaml"]
    assert "known shapes: an object with 'nodes' or 'dag'" in lines["c.json"]
    assert "larger than the 1,048,576 bytes" in lines["d.yaml"]
    assert "e.yaml has the name 'order-pipeline' already" in lines["f.yaml"]
    assert "must be an object" in lines["g.json"]


async def test_processes_that_start_together_make_one_workflow(rig: Rig, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.yaml").write_text(ORDER.replace("Order", f"Order {number}"))

    counts = await asyncio.gather(*(read(rig, tmp_path) for _ in range(8)))

    assert sum(count.get("created", 0) for count in counts) == 5
    assert not any("refused" in count for count in counts)
    page = await rig.engine.workflows.list()
    assert [(record.version, record.revision) for record in page.items] == [(1, 1)] * 5


async def test_a_title_that_makes_no_name_takes_that_of_its_file(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "night_shift.yaml").write_text(ORDER.replace("Order Pipeline", "夜勤"))

    assert await read(rig, tmp_path) == {"created": 1}
    assert (await rig.engine.workflows.get("night-shift")).title == "夜勤"


class Steps:
    """Reads another shape: a list of handlers, one after the other."""

    shape = "an object with 'steps'"

    def recognises(self, document: dict[str, Any]) -> bool:
        return "steps" in document

    def read(self, document: dict[str, Any]) -> Readable:
        nodes = [node(f"n{i}", handler=handler) for i, handler in enumerate(document["steps"])]
        return Readable(document["title"], workflow(*nodes, name=document["title"]))


async def test_a_reader_gives_title_and_definition_of_a_shape_of_its_own(rig: Rig, tmp_path: Path) -> None:
    text = "title: Two Steps\nsteps: [noop, noop]\n"
    (tmp_path / "steps.yaml").write_text(text)
    (tmp_path / "order.yaml").write_text(ORDER)

    assert await read(rig, tmp_path, readers=(*READERS, Steps())) == {"created": 2}
    record = await rig.engine.workflows.get("two-steps")
    assert (await rig.engine.workflows.source(record)).text.decode() == text


async def test_the_shipped_files_run_without_any_service(
    rig: Rig, redis_url: str, fleet: WorkerFleet, redis: Redis
) -> None:
    await fleet.start()
    app = create_app(Settings(redis_url=redis_url, workflows_dir=ROOT / "workflows"))

    async with app.router.lifespan_context(app):

        async def are_there() -> bool:
            return await redis.zcard("idx:workflows:default") == len(SHIPPED)

        await until(are_there)
        for record in (await rig.engine.workflows.list()).items:
            started = await rig.engine.workflows.start(record.name)
            if record.name == "human":
                answer = {"response": "Ada"}
                await rig.engine.signals.send(started.execution_id, "ResponseEvent", payload=answer)
            assert str(await ended(rig, started.execution_id)) == "COMPLETED", record.name

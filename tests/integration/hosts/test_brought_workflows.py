"""A handler brings its workflow: workers that have loaded it register it, and nobody else needs its code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from orchestrator.definitions.registry import Source
from orchestrator.documents.limits import Limits
from orchestrator.errors import WorkflowNotFound
from orchestrator.operations.workflow_files import register_files
from tests.fake_handlers import ended
from tests.integration.hosts.projects import Project
from tests.makers import node, until, workflow
from workers.runtime import announcement
from workers.worker import Worker

FLOW = """
    @handler("flows.greet", durable=True, workflow={
        "name": "greet_people",
        "description": %r,
        "interface": {"inbox": "run"},
        "nodes": [{"id": "run", "handler": "flows.greet", "config": {"event": "{{ inputs }}"}}],
        "output": "{{ run }}",
    })
    def greet(config, context):
        return f"Hello, {config['event']['name']}!"
"""
GREET = FLOW % "Greets."
PLAIN = """
    @handler("plain")
    def plain(config, context):
        return 1
"""


async def states(project: Project) -> list[dict[str, str]]:
    """What each live worker says of the workflows that its handlers bring."""
    return [dict(worker.workflows) for worker in await project.engine.workers.list()]


async def settled(project: Project, **expected: str) -> None:
    """Wait until every worker has registered its workflows, or says why not."""

    async def is_so() -> bool:
        return all(
            each.keys() == expected.keys()
            and all(part in each[name] and bool(part) == bool(each[name]) for name, part in expected.items())
            for each in await states(project)
        )

    await until(is_so)


async def put(project: Project, name: str, document: dict[str, Any]) -> None:
    """Register a workflow as a person does."""
    source = Source(orjson.dumps(document), "application/json")
    await project.engine.workflows.put(name, document, source)


async def test_it_is_registered_and_runs_by_its_name(project: Project) -> None:
    await project.start(GREET)
    await settled(project, greet_people="")

    record = await project.engine.workflows.get("greet-people")
    assert (record.title, record.version, record.has_interface) == ("greet_people", 1, True)
    assert record.brought_by == "flows.greet"
    started = await project.engine.workflows.start("greet-people", inputs={"name": "Ada"})
    await ended(project.engine, started.execution_id)
    assert orjson.loads(await project.engine.outputs.of_execution(started.execution_id)) == "Hello, Ada!"


async def test_the_same_again_changes_nothing_and_other_code_is_another_version(project: Project) -> None:
    await project.start(GREET)
    await project.fleet.start("worker-2", hosts=next(iter(project.fleet._running)).config.hosts)
    await settled(project, greet_people="")
    assert (await project.engine.workflows.get("greet-people")).version == 1

    project.write(FLOW % "Greets politely.")
    for worker in project.fleet._running:
        worker.hosts.reload()

    async def is_second() -> bool:
        return (await project.engine.workflows.get("greet-people")).description == "Greets politely."

    await until(is_second)
    assert (await project.engine.workflows.get("greet-people")).version == 2


async def test_one_that_a_person_has_registered_stays_until_it_is_removed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcement, "PUBLISH_S", 0.05)
    await put(project, "greet-people", workflow(node("A"), name="Mine"))

    await project.start(GREET)
    await settled(project, greet_people="already, which comes from no handler; remove it")

    record = await project.engine.workflows.get("greet-people")
    assert (record.title, record.version) == ("Mine", 1)
    await project.engine.workflows.remove("greet-people")
    await settled(project, greet_people="")
    assert (await project.engine.workflows.get("greet-people")).title == "greet_people"


async def test_a_change_by_a_person_stays_until_the_code_changes(project: Project) -> None:
    worker = await project.start(GREET)
    await settled(project, greet_people="")
    tag = (await project.engine.workflows.get("greet-people")).tag
    document = workflow(node("A"), name="Mine")
    source = Source(orjson.dumps(document), "application/json")
    await project.engine.workflows.put("greet-people", document, source, if_match=[tag])

    assert await worker.announcement._brought.register(worker.hosts.cards.values()) is False

    assert (await project.engine.workflows.get("greet-people")).title == "Mine"


async def test_a_file_of_its_name_is_refused(project: Project, tmp_path: Path) -> None:
    await project.start(GREET)
    await settled(project, greet_people="")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "greet_people.json").write_bytes(orjson.dumps(workflow(node("A"), name="greet people")))

    counts = await register_files(folder, project.engine.workflows, limits=Limits())

    assert counts == {"refused": 1}
    assert (await project.engine.workflows.get("greet-people")).title == "greet_people"


async def test_a_second_handler_with_a_workflow_of_that_name_is_refused(project: Project) -> None:
    await project.start(GREET + GREET.replace("flows.greet", "flows.other").replace("_people", " people"))

    await settled(
        project, **{"greet_people": "", "greet people": "which comes from the handler 'flows.greet'"}
    )


async def test_a_wrong_definition_is_said_and_the_handler_runs(project: Project) -> None:
    text = GREET.replace('"inbox": "run"', '"inbox": "nowhere"') + PLAIN

    await project.start(text)
    await settled(project, greet_people="'interface.inbox' is 'nowhere', which is not in this workflow")

    with pytest.raises(WorkflowNotFound):
        await project.engine.workflows.get("greet-people")
    execution_id = await project.run(node("A", handler="plain"))
    assert await project.output(execution_id) == 1


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{'name': print}", "the workflow of handler 'one' is no JSON: workflow.name is of the type builtin"),
        ("{'name': 'a', 'n': 2**4000}", "the workflow of handler 'one' is no JSON: workflow.n is an integer"),
        ("{'name': '\\ud800'}", "the workflow of handler 'one' is no JSON: workflow.name has half of"),
        ("deep(300)", "the workflow of handler 'one' is no JSON: nested deeper than"),
        ("['nodes']", "the workflow of handler 'one' must be an object"),
    ],
)
async def test_what_is_no_document_is_a_module_that_does_not_load(
    project: Project, written: str, says: str
) -> None:
    worker = await project.start(
        f"""
        def deep(levels): return {{"name": deep(levels - 1)}} if levels else 1

        @handler("one", workflow={written})
        def one(config, context): ...
        """,
        expects="refusal",
    )

    assert says in worker.announcement.refusal()


async def test_handlers_without_workflows_register_nothing(project: Project) -> None:
    worker: Worker = await project.start(PLAIN)

    assert await states(project) == [{}]
    assert await worker.announcement._brought.register(worker.hosts.cards.values()) is False
    assert (await project.engine.workflows.list()).items == []

"""Files with a WorkflowServer: which are served, and what is said of others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from workflows.context.serializers import JsonSerializer, PickleSerializer

from headrace.llama.known_types import KnownTypes, serializer_of
from headrace.llama.loading import load_server
from headrace.llama.runtime import JournaledRuntime

WORKFLOW = """
from {module} import WorkflowServer, SqliteWorkflowStore
from workflows import Workflow, step
from workflows.events import StartEvent, StopEvent

class Plain(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent()

server = WorkflowServer()
"""
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    def written(name: str, text: str) -> Path:
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
        file = tmp_path / name
        file.write_text(text)
        return file

    return written


@pytest.mark.parametrize("module", ["workflows.server", "llama_agents.server"])
def test_a_file_imports_our_server_from_where_it_imports_the_librarys(write: Write, module: str) -> None:
    text = WORKFLOW.format(module=module) + 'server.add_workflow("plain", Plain())\n'
    name = "plain_" + module.replace(".", "_")
    file, runtime = write(f"{name}.py", text), JournaledRuntime()

    server = load_server(file, runtime)

    assert list(server.get_workflows()) == ["plain"]
    assert server.served["plain"].workflow.runtime is runtime
    assert sys.modules[name].__file__ == str(file)
    assert type(server.served["plain"].workflow).__module__ == name


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("no_server.py", "x = 1\n", "has no WorkflowServer: it needs a variable such as"),
        ("no_workflow.py", WORKFLOW.format(module="workflows.server"), "has no workflow: add one by"),
        ("json.py", "", "json.py has the name of the module 'json': give it another"),
        ("notes.txt", "", "is no file of Python: its name must end with .py"),
    ],
)
def test_a_file_that_cannot_be_served_says_why(
    write: Write, tmp_path: Path, name: str, text: str, said: str
) -> None:
    # The module `json` is there, and stays.
    file = tmp_path / name
    file.write_text(text)

    with pytest.raises(ImportError, match=said):
        load_server(file, JournaledRuntime())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"there is no file .*missing\.py"):
        load_server(tmp_path / "missing.py", JournaledRuntime())


def test_a_file_that_serves_itself_is_told_what_serves_it(write: Write) -> None:
    text = WORKFLOW.format(module="workflows.server") + "import asyncio\nasyncio.run(server.serve())\n"

    with pytest.raises(RuntimeError, match="call serve\\(\\) only under"):
        load_server(write("serves_itself.py", text), JournaledRuntime())


def test_options_that_have_no_effect_are_warned_of(write: Write) -> None:
    text = WORKFLOW.format(module="workflows.server").replace(
        "WorkflowServer()", 'WorkflowServer(workflow_store=SqliteWorkflowStore("x.db"))'
    )

    with (
        pytest.warns(UserWarning, match="workflow_store=… has no effect|workflow_store"),
        pytest.raises(ImportError, match="has no workflow"),
    ):
        load_server(write("with_a_store.py", text), JournaledRuntime())


@pytest.mark.parametrize("name", ["os.system", "subprocess.Popen", "not_loaded.Model", "builtins.eval", ""])
def test_nothing_is_imported_on_the_word_of_what_is_kept(name: str) -> None:
    with pytest.raises(ValueError, match="is no model, component or error of a module"):
        KnownTypes().resolve_class(name)
    assert "not_loaded" not in sys.modules


def test_models_and_errors_of_loaded_modules_are_found() -> None:
    event = KnownTypes().resolve_class("workflows.events.StopEvent")

    assert KnownTypes().deserialize(JsonSerializer().serialize(event(result=1))).result == 1
    assert KnownTypes().resolve_class("headrace.outcome.Terminal").__name__ == "Terminal"


def test_pickle_is_for_operators_to_allow(write: Write) -> None:
    text = WORKFLOW.format(module="workflows.server") + 'server.add_workflow("plain", Plain())\n'
    server = load_server(write("pickled.py", text), JournaledRuntime())
    workflow, pickled = server.served["plain"].workflow, PickleSerializer()

    with pytest.raises(ValueError, match="allow it by WORKFLOW_SERVER_PICKLE=true"):
        serializer_of(workflow, pickled, may_pickle=False)
    assert serializer_of(workflow, pickled, may_pickle=True) is pickled
    assert isinstance(serializer_of(workflow, None, may_pickle=False), KnownTypes)

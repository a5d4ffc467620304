"""Hosts come and go: start failures, reloads, replacements, the end of their worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from orchestrator.states import NodeStatus
from orchestrator.store.replies import Delivery
from tests.fake_handlers import ended, in_status, start
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from workers.hosts import start_failures
from workers.worker import Worker

ONE = """
    @handler("one")
    def one(config, context):
        return [os.getpid(), "first"]
"""


def pids(worker: Worker) -> set[int]:
    return {host.pid for host in worker.hosts._hosts}


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_modules_that_do_not_load_leave_built_in_handlers(project: Project) -> None:
    worker = await project.start("import no_such_module_anywhere", expects="refusal")
    execution_id = await project.run(node("A"))

    assert (await project.state(execution_id)).status is NodeStatus.COMPLETED
    (info,) = await project.engine.workers.list()
    assert "no_such_module_anywhere" in info.refusal and "handlers.py" in info.refusal
    assert worker.hosts.refusal is not None
    # Where it was looked for, and the settings that name other places.
    hint = worker.announcement.refusal()
    assert all(
        each in hint for each in (str(project.folder), "HANDLER_PATH", sys.executable, "HANDLER_PYTHON")
    )


async def test_what_imports_the_engine_is_told_where_to_import_from(project: Project) -> None:
    worker = await project.start("from workers.registry import handler", expects="refusal")

    assert worker.hosts.refusal is not None
    assert "from headrace import" in worker.announcement.refusal()


@pytest.mark.parametrize("text", ["def broken(:", "os._exit(5)", "ctypes.string_at(0)", "raise SystemExit"])
async def test_a_module_may_fail_in_any_way(project: Project, text: str) -> None:
    worker = await project.start(text, expects="refusal")

    assert worker.hosts.refusal is not None and worker.hosts.cards == {}


async def test_a_name_of_a_built_in_handler_is_refused_with_module_and_line(project: Project) -> None:
    worker = await project.start(
        """
        @handler("http")
        def mine(config, context): ...
        """,
        expects="refusal",
    )

    assert worker.hosts.refusal is not None
    message = worker.hosts.refusal["message"]
    assert "module handlers, line " in message and "'http'" in message


async def test_a_changed_file_is_loaded_by_new_hosts_and_what_runs_ends_in_the_old(
    project: Project,
) -> None:
    go = project.folder / "go"
    text = """
        @handler("one")
        def one(config, context):
            while config.get("waits") and not os.path.exists(config["waits"]):
                time.sleep(0.01)
            return "VERSION"
    """
    worker = await project.start(text.replace("VERSION", "old"), reloads=True)
    running = await start(project.engine, node("A", handler="one", config={"waits": str(go)}))
    await in_status(project.engine, running, "A", NodeStatus.RUNNING)
    before = worker.hosts.generation

    project.write(text.replace("VERSION", "new"))

    async def is_loaded() -> bool:
        return worker.hosts.offer is not None and worker.hosts.offer.generation > before

    await until(is_loaded)
    after = await project.run(node("A", handler="one"))
    go.touch()
    await ended(project.engine, running)
    assert await project.output(after) == "new"
    assert await project.output(running) == "old"


async def test_a_changed_file_in_any_of_the_folders_is_loaded(project: Project) -> None:
    project.write(
        """
        import words

        @handler("one")
        def one(config, context):
            return words.WORD
        """,
        "first/handlers.py",
    )
    project.write("WORD = 'old'", "more/words.py", head="")
    folders = (str(project.folder / "first"), str(project.folder / "more"))
    worker = await project.start(folders=folders, reloads=True)
    before = worker.hosts.generation

    project.write("WORD = 'newer'", "more/words.py", head="")

    async def is_loaded() -> bool:
        return worker.hosts.offer is not None and worker.hosts.offer.generation > before

    await until(is_loaded)
    assert await project.output(await project.run(node("A", handler="one"))) == "newer"


async def test_a_file_that_does_not_load_leaves_the_old_code_until_the_next_save(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pause before the next try of what is broken is not waited out for what is mended.
    monkeypatch.setattr(start_failures, "FIRST_PAUSE_S", 3_600.0)
    monkeypatch.setattr(start_failures, "LONGEST_PAUSE_S", 3_600.0)
    worker = await project.start(ONE, reloads=True)

    project.write("def broken(:")

    async def is_refused() -> bool:
        return worker.hosts.refusal is not None

    await until(is_refused)
    assert (await project.output(await project.run(node("A", handler="one"))))[1] == "first"

    project.write(ONE.replace("first", "second"))

    async def is_second() -> bool:
        offer = worker.hosts.offer
        return (
            worker.hosts.refusal is None and offer is not None and offer.generation == worker.hosts.generation
        )

    await until(is_second)
    assert (await project.output(await project.run(node("A", handler="one"))))[1] == "second"


async def test_a_claim_that_fails_leaves_its_place_to_others(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await project.start(ONE)
    task = Delivery("e1", "A", 1, "1-0", "default", "one")

    async def refuse(*calls: Any, **options: Any) -> Any:
        raise RedisError("away")

    with monkeypatch.context() as patched:
        patched.setattr(worker.claims._transitions, "call_all", refuse)
        with pytest.raises(RedisError):
            await worker.claims.claim([task])

    assert worker.hosts.places.free("sync") == 1


async def test_a_host_is_replaced_after_so_many_runs_and_nobody_waits_for_it(project: Project) -> None:
    worker = await project.start(ONE, recycle_runs=5)
    first = pids(worker)

    execution_id = await project.run(*(node(f"n{i}", handler="one") for i in range(30)))

    used = {(await project.output(execution_id, f"n{i}"))[0] for i in range(30)}

    async def is_replaced() -> bool:
        return not first & pids(worker)

    await until(is_replaced)
    assert len(used) >= 1


async def test_a_host_that_has_grown_too_large_is_replaced(project: Project) -> None:
    worker = await project.start(
        """
        kept = []

        @handler("grows")
        def grows(config, context):
            kept.append(b"x" * 80_000_000)
        """,
        recycle_mb=60,
    )
    first = pids(worker)

    await project.run(node("A", handler="grows"))

    async def is_replaced() -> bool:
        return not first & pids(worker) and worker.hosts.places.free("sync") == 1

    await until(is_replaced)


async def test_workers_show_their_hosts_and_what_they_run(project: Project) -> None:
    worker = await project.start("""
        @handler("waits")
        async def waits(config, context):
            await context.cancelled.wait()
    """)
    execution_id = await start(project.engine, node("A", handler="waits"))
    await in_status(project.engine, execution_id, "A", NodeStatus.RUNNING)

    async def is_shown() -> bool:
        await worker.announcement.call()
        (info,) = await project.engine.workers.list()
        return [(host.kind, host.state) for host in info.hosts] == [("async", "busy")]

    await until(is_shown)
    (info,) = await project.engine.workers.list()
    assert info.hosts[0].running[0][0] == f"{execution_id}/A"
    assert info.hosts[0].pid in pids(worker)


async def test_handlers_run_in_the_environment_of_the_user(project: Project, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    (
        home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / "only_here.py"
    ).write_text("X = 1")
    await project.start(
        """
        import only_here

        @handler("where")
        def where(config, context):
            try:
                import pydantic
            except ImportError:
                pydantic = None
            return [sys.prefix, only_here.X, pydantic is None]
        """,
        python=str(home / "bin" / "python"),
    )

    assert await project.output(await project.run(node("A", handler="where"))) == [str(home), 1, True]


STUBBORN = """
    import threading

    @handler("spins")
    def spins(config, context):
        open(config["pid"], "w").write(str(os.getpid()))
        while True:
            try:
                while True: pass
            except BaseException: pass
"""


async def start_process(project: Project, redis_url: str, **settings: str) -> subprocess.Popen[bytes]:
    """Start a worker as an installation does."""
    environment: dict[str, Any] = {
        **os.environ, "REDIS_URL": redis_url, "HANDLERS": "handlers", "HANDLER_PATH": str(project.folder),
        "HANDLER_PROCESSES": "1", **settings,
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "workers.worker"], env=environment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_host_outlives_its_worker(
    project: Project, redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    project.write(STUBBORN)
    worker = await start_process(project, redis_url, DRAIN_S="1")
    pid_file = tmp_path / "pid"
    try:

        async def is_offered() -> bool:
            return any("spins" in each.handlers for each in await project.engine.workers.list())

        await until(is_offered)
        execution_id = await start(project.engine, node("A", handler="spins", config={"pid": str(pid_file)}))

        async def runs() -> bool:
            return pid_file.exists() and bool(pid_file.read_text())

        await until(runs)
        pid = int(pid_file.read_text())
        worker.send_signal(number)

        async def is_gone() -> bool:
            return not is_there(pid)

        await until(is_gone)
        if number == signal.SIGTERM:
            await in_status(project.engine, execution_id, "A", NodeStatus.QUEUED)
    finally:
        worker.kill()
        worker.wait()

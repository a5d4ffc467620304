"""Handlers of a user, in processes of their own: what they get, what comes back, what they say on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace._offer import ENGINE
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from workers.hosts.host import Host
from workers.hosts.launch import ROOT

E, N = ExecutionStatus, NodeStatus


async def test_both_kinds_of_handlers_run_and_give_their_outputs(project: Project) -> None:
    await project.start("""
        @handler("plain")
        def plain(config, context):
            return {"got": config["x"], "pid": os.getpid(), "key": context.idempotency_key}

        @handler("coroutine", "also")
        async def coroutine(config, context):
            await asyncio.sleep(0)
            return [config["x"], context.attempt, context.environment]
    """)
    nodes = (
        node("A", handler="plain", config={"x": {"y": [1, None]}}),
        node("B", after=["A"], handler="also", config={"x": "ü"}),
    )

    execution_id = await project.run(*nodes)

    output = await project.output(execution_id)
    assert (output["got"], output["key"]) == ({"y": [1, None]}, f"{execution_id}:A")
    assert output["pid"] != os.getpid()
    assert await project.output(execution_id, "B") == ["ü", 1, "development"]


async def test_outcomes_and_errors_mean_what_they_mean_in_a_worker(project: Project) -> None:
    await project.start("""
        @handler("end")
        def end(config, context):
            match config["how"]:
                case "skip": raise Skip("nothing to do")
                case "terminal": raise Terminal("never", type="Mine.Never", details={"a": 1})
                case "bug": return inner()
                case "nan": return {"x": [float("nan")]}
                case "set": return {1}
                case "exit": sys.exit("stop")

        def inner():
            return 1 / 0
    """)

    ids = {
        how: await project.run(node("A", handler="end", config={"how": how}))
        for how in ("skip", "terminal", "bug", "nan", "set", "exit")
    }

    assert (await project.state(ids.pop("skip"))).status is N.SKIPPED
    errors = {how: await project.error(each) for how, each in ids.items()}
    assert errors["terminal"]["type"] == "Mine.Never" and errors["terminal"]["details"] == {"a": 1}
    bug = errors["bug"]
    assert bug["message"] == "ZeroDivisionError: division by zero"
    assert "inner" in bug["details"]["traceback"] and "headrace" not in bug["details"]["traceback"]
    assert "output.x[0] is NaN" in errors["nan"]["message"]
    assert "set" in errors["set"]["message"]
    assert errors["exit"]["message"] == "SystemExit: stop"


async def test_all_that_the_code_prints_and_logs_is_a_line_of_its_node(project: Project) -> None:
    await project.start("""
        @handler("talk")
        def talk(config, context):
            print("half a", end=" "); print("line"); print("to stderr", file=sys.stderr)
            logging.getLogger("mine").warning("logged %s", 1)
            context.log("said", level="error", n=1)
            os.write(1, b"by descriptor\\n"); os.system("echo by a child")
            print("no end", end="")
            time.sleep(0.2)

        @handler("talk_too")
        async def talk_too(config, context):
            async def child(): print(f"child of {context.node_id}")
            print(f"I am {context.node_id}")
            await asyncio.sleep(0.01)
            await asyncio.gather(child(), child())
    """)

    execution_id = await project.run(
        node("A", handler="talk"), *(node(f"B{n}", handler="talk_too") for n in range(3))
    )

    lines = {each["message"] for each in await project.events(execution_id, "node.log", "A")}
    assert lines == {"half a line", "to stderr", "logged 1", "said", "by descriptor", "by a child", "no end"}
    for n in range(3):
        said = [each["message"] for each in await project.events(execution_id, "node.log", f"B{n}")]
        assert said == [f"I am B{n}", f"child of B{n}", f"child of B{n}"]


async def test_the_modules_of_the_user_are_the_users(project: Project) -> None:
    mine = ("config", "logs", "validation", "tenant_settings", "sdk_path")
    for name in mine:
        project.write(f"NAME = 'my {name}'", f"{name}.py", head="")
    project.write("WHO = 'my client'", "clients/__init__.py", head="")
    await project.start(
        """
        import clients, config, logs, sdk_path, tenant_settings, validation

        @handler("look")
        def look(config_, context):
            found = {}
            for name in ("workers", "orchestrator", "api", "main", "wiring", "cli", "redis"):
                try:
                    __import__(name); found[name] = "there"
                except ImportError as error:
                    found[name] = str(error)
            modules = (config, logs, validation, tenant_settings, sdk_path)
            mine = [*(each.NAME for each in modules), clients.WHO]
            return {"mine": mine, "found": found, "variables": sorted(os.environ)}
        """,
        environment={
            "SECRET_TOKEN": "x",
            "REDIS_URL": "y",
            "TENANT_A_SECRET_B": "z",
            "KEPT": "1",
            "PATH": "/usr/bin:/bin",
        },
    )

    output = await project.output(await project.run(node("A", handler="look")))

    assert output["mine"] == [*(f"my {name}" for name in mine), "my client"]
    # redis is a library of the engine's environment, which is used where the user has none of their own.
    assert [name for name, text in output["found"].items() if text == "there"] == ["redis"]
    assert "from headrace import" in output["found"]["workers"]
    assert "KEPT" in output["variables"]
    assert not {"SECRET_TOKEN", "REDIS_URL", "TENANT_A_SECRET_B"} & set(output["variables"])


async def test_no_module_of_the_engine_is_found_where_its_folder_is_on_the_path(
    project: Project, tmp_path: Path
) -> None:
    (other := tmp_path / "other way").symlink_to(ROOT)
    await project.start(
        """
        import importlib

        @handler("look")
        def look(config, context):
            found = []
            for name in config["names"]:
                try:
                    importlib.import_module(name)
                    found.append(name)
                except ModuleNotFoundError as error:
                    assert "from headrace import" in str(error)
            return found
        """,
        folders=(str(project.folder), str(ROOT), str(other)),
    )

    execution_id = await project.run(node("A", handler="look", config={"names": sorted(ENGINE)}))

    assert await project.output(execution_id) == []


async def test_heartbeats_are_few_frames_and_the_newest_reaches_the_next_attempt(project: Project) -> None:
    worker = await project.start("""
        @handler("beats")
        def beats(config, context):
            if context.attempt > 1:
                return context.last_heartbeat
            for n in range(200_000):
                context.heartbeat({"n": n} if n % 1000 == 0 or n > 199_990 else None)
            raise Retryable("again")
    """)
    frames = []
    (host,) = worker.hosts._hosts
    taken = host._dispatch
    host._dispatch = lambda header, body: (frames.append(header["type"]), taken(header, body))  # type: ignore[method-assign,assignment,func-returns-value]

    execution_id = await project.run(
        node("A", handler="beats", retry={"max_attempts": 2, "initial_interval": 0.01})
    )

    assert await project.output(execution_id) == {"n": 199_999}
    assert 0 < frames.count("beat") < 100


async def test_a_plain_function_lives_while_it_reports_and_is_told_when_it_was_silent_for_too_long(
    project: Project,
) -> None:
    await project.start("""
        @handler("reports")
        def reports(config, context):
            for _ in range(30):
                time.sleep(0.05)
                context.heartbeat()
            return "done"

        @handler("hangs")
        def hangs(config, context):
            while not context.is_cancelled():
                time.sleep(0.01)
            open(config["told"], "w").close()
    """)
    told = project.folder / "told"

    # Longer than the time-out in all, and each silence a twentieth of it.
    reporting = await project.run(node("A", handler="reports", heartbeat_timeout=1))
    hanging = await project.run(node("A", handler="hangs", config={"told": str(told)}, heartbeat_timeout=0.2))

    async def is_told() -> bool:
        return told.exists()

    await until(is_told)
    assert await project.output(reporting) == "done"
    assert (await project.error(hanging))["type"] == "Timeout.Heartbeat"


async def test_events_of_the_end_are_written_with_it_or_the_node_is_not_done(project: Project) -> None:
    await project.start("""
        @handler("ends")
        async def ends(config, context):
            context.emit("Made", {"n": 1})
            return Completed("done", events=[("Made", {"n": 2}), ("Made", {"n": 3}, ("Base",))])

        @handler("ends_plain")
        def ends_plain(config, context):
            return Completed("done", events=(("Made", {"n": 4}),))

        @handler("ends_badly")
        def ends_badly(config, context):
            return Completed("done", events=(("Made", 5), ("bad name!", 1)))

        @handler("ends_worse")
        def ends_worse(config, context):
            return Completed("done", events=("Made",))
    """)

    execution_id = await project.run(
        node("A", handler="ends"),
        node("B", handler="ends_plain"),
        node("C", handler="ends_badly"),
        node("D", handler="ends_worse"),
    )

    made = await project.events(execution_id, "node.event", "A")
    assert [(each["value"]["n"], each["types"]) for each in made] == [(1, None), (2, None), (3, ["Base"])]
    (plain,) = await project.events(execution_id, "node.event", "B")
    assert plain["value"] == {"n": 4}
    bad, worse = await project.error(execution_id, "C"), await project.error(execution_id, "D")
    assert bad["type"] == worse["type"] == "EventInvalid"
    assert bad["message"].startswith("events[1]: the type of an event must be made of letters")
    assert worse["message"].startswith("events[0] of a Completed is a TypedEvent")
    # None of those that come before a bad one is written.
    assert not await project.events(execution_id, "node.event", "C")
    assert not await project.events(execution_id, "node.event", "D")


async def test_an_error_that_counts_as_false_is_an_error(project: Project) -> None:
    await project.start("""
        class Empty(Exception):
            def __len__(self): return 0

        @handler("plain")
        def plain(config, context): raise Empty("nothing in it")

        @handler("awaited")
        async def awaited(config, context): raise Empty("nothing in it")
    """)

    execution_id = await project.run(node("A", handler="plain"), node("B", handler="awaited"))

    for node_id in ("A", "B"):
        assert (await project.error(execution_id, node_id))["message"] == "Empty: nothing in it"


async def test_typed_events_progress_and_streams_come_through(project: Project) -> None:
    await project.start("""
        @handler("stream")
        async def stream(config, context):
            context.token("Hel"); context.token("lo")
            await context.emit("Made", {"n": 1}, repeated=True, qualified_name="app.Made")
            context.progress(0.5, "half")
            return "Hello"

        @handler("stream_plain")
        def stream_plain(config, context):
            context.emit("Made", {"n": 2})
            context.emit("bad name!", 1)
    """)

    execution_id = await project.run(node("A", handler="stream"), node("B", handler="stream_plain"))

    (made,) = await project.events(execution_id, "node.event", "A")
    assert (made["value"], made["repeated"], made["qualified_name"]) == ({"n": 1}, True, "app.Made")
    assert [each["text"] for each in await project.events(execution_id, "node.token", "A")] == ["Hello"]
    assert [each["fraction"] for each in await project.events(execution_id, "node.progress", "A")] == [0.5]
    (plain,) = await project.events(execution_id, "node.event", "B")
    assert (plain["value"], "repeated" in plain, plain["qualified_name"]) == ({"n": 2}, False, None)
    assert (await project.error(execution_id, "B"))["type"] == "EventInvalid"


async def test_a_host_is_woken_for_what_is_about_to_be_claimed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    wake = Host.wake

    def noted(host: Host) -> None:
        woken.append(len(host.calls))
        wake(host)

    monkeypatch.setattr(Host, "wake", noted)
    await project.start("""
        @handler("coroutine")
        async def coroutine(config, context):
            return 1

        @handler("plain")
        def plain(config, context):
            return 2
    """)

    ids = [await project.run(node("A", handler=handler)) for handler in ("coroutine", "plain", "noop")]

    assert [await project.output(each) for each in ids[:2]] == [1, 2]
    # A process for plain functions waits in its own way, and a built-in handler has none.
    assert woken == [0]

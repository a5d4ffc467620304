"""The example of `docs/handlers.md` for calls through the worker runs in a host as it stands there."""

from __future__ import annotations

import json
import re

from docs.generate import ROOT
from tests.integration.hosts.projects import Project
from tests.makers import node
from tests.unit.clients.http.target_server import reply, running_target
from workers.context import Toolbox


def example() -> str:
    page = (ROOT / "docs" / "handlers.md").read_text(encoding="utf-8")
    section = page.partition("\n### Calls through the worker\n")[2].partition("\n### ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(code)


async def test_the_example_of_the_page_runs(project: Project) -> None:
    project.write(example(), head="")
    async with running_target() as target:
        article = {"title": "On hosts", "text": "They are processes."}
        target.answers["/article"] = reply(200, json.dumps(article).encode())
        await project.start(tools=Toolbox(secrets={"TOKEN": "t0ps3cret"}))
        config = {"url": f"{target.url}/article", "token": "{{ secrets.TOKEN }}"}

        execution_id = await project.run(node("A", handler="sum_up", config=config))

    assert target.seen[0].headers["authorization"] == "Bearer t0ps3cret"
    output = await project.output(execution_id)
    assert output["title"] == "On hosts" and "They are processes." in output["summary"]
    streamed = await project.events(execution_id, "node.token", "A")
    assert "".join(each["text"] for each in streamed) == output["summary"]

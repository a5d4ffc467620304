"""docker-compose.yml hands every setting on to the engine's containers, but those that it settles itself."""

from __future__ import annotations

import yaml

from config import ROOT, Settings

#: Settings that nobody sets from outside, each with the reason.
NOT_PASSED = {
    "REDIS_URL": "Redis is a container beside the engine",
    "REDIS_HOST": "the name of that container",
    "REDIS_PORT": "the port of that container",
    "REDIS_DB": "nobody else uses that Redis",
    "REDIS_PASSWORD": "that Redis has none, and only this machine reaches it",
    "WORKFLOWS_DIR": "a path in the image",
    "LLM_PRICES": "a path in the image",
    "HANDLER_PATH": "where HANDLERS_FOLDER is mounted",
    "DEMO": "calls processes of the development stack",
    "LLM_ECHO_PAUSE_MS": "for the demo",
    "WORKFLOWS_PY_SERVER_HOST": "that server is no container of the file",
    "WORKFLOWS_PY_SERVER_PORT": "that server is no container of the file",
    "WORKER_NAME": "each container has its own",
    "SERVICES": "leads the names of the samples to the container with their answers",
    "DOCKER_HOST": "the engine's socket opens the whole machine",
}


def test_every_setting_reaches_the_containers() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    settings = {name.upper() for name in Settings.model_fields}

    passed = {
        name for name, value in composed["x-engine"]["environment"].items() if value == f"${{{name}:-}}"
    }

    assert passed == settings - set(NOT_PASSED)
    assert set(NOT_PASSED) < settings
    for process in ("api", "orchestrator", "worker"):
        assert composed["services"][process]["environment"] == composed["x-engine"]["environment"]

"""A user's project for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.engine import Engine
from tests.integration.hosts.projects import Project
from tests.makers import WorkerFleet


@pytest.fixture
def project(tmp_path: Path, fleet: WorkerFleet, engine: Engine) -> Project:
    """An empty folder of a user, and the means to run what is written there."""
    return Project(tmp_path, fleet, engine)

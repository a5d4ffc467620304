"""Real workers, as the integration tests have them."""

from tests.integration.conftest import engine, fleet, rig, stage

__all__ = ["engine", "fleet", "rig", "stage"]

"""The Python of readers, made once for each process of tests."""

from __future__ import annotations

import pytest

from tests.docs.clean_python import CleanPython


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> CleanPython:
    return CleanPython(tmp_path_factory.mktemp("python"))

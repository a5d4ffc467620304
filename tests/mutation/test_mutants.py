"""How good are the tests of the scripts? Each mutant is one mistake; nine in ten must make some test fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS
from tests.mutation.plugin import mutated

ROOT = Path(__file__).parents[2]
#: What a mutant is run against, quick ones first; MUTATION_TESTS names others.
TESTS = os.environ.get(
    "MUTATION_TESTS",
    "tests/integration/transitions"
    " tests/integration/layouts/test_other_layouts.py tests/integration/layouts/test_static_layout.py"
    " tests/integration/layouts/test_layout_needed.py"
    " tests/integration/maps/test_map_faults.py tests/integration/maps/test_map_reruns.py"
    " tests/integration/maps/test_map_limits.py"
    " tests/integration/waits/test_signals.py tests/integration/waits/test_signal_time_limits.py"
    " tests/integration/waits/test_approvals.py tests/integration/waits/test_lost_waits.py"
    " tests/integration/semantics/test_handled_failures.py tests/integration/semantics/test_triggers.py"
    " tests/integration/reruns/test_retry_of_nodes.py tests/integration/reruns/test_requests_for_nodes.py"
    " tests/integration/reruns/test_retry_of_nodes_made_anew.py"
    " tests/integration/deliveries tests/integration/loops/test_webhooks.py"
    " tests/contract/test_keys.py"
    " tests/integration/loops/test_expiry.py tests/integration/loops/test_expiry_faults.py"
    " tests/integration/test_statistics.py tests/integration/test_told_outcomes.py tests/integration/webhooks"
    " tests/integration/loops/test_retention.py"
    " tests/integration/loops/test_schedules.py tests/integration/loops/test_schedule_overlaps.py"
    " tests/property/test_engine_model.py",
).split()
#: A mutant that hangs is noticed too.
PATIENCE_S = 300


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_exactly_once(mutant: Mutant) -> None:
    assert mutated(mutant)[mutant.file] != ""


def test_mutants_have_names_of_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30


def selection_for(mutant: Mutant | None) -> list[str]:
    """Put the tests named after the mutant's script first: most mutants are noticed there, in seconds."""
    own = f"tests/integration/transitions/test_{Path(mutant.file).name}.py" if mutant else ""
    return [own, *TESTS] if own and (ROOT / own).is_file() else TESTS


def is_noticed(mutant: Mutant | None) -> bool:
    """Run the tests on an engine with this mutant, or with none; a failure is what we want."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider"]
    # As many examples as in the usual run: a mutant that only ten times as many find is not noticed in time.
    usual = {variable: value for variable, value in os.environ.items() if variable != "HEADRACE_LONG"}
    running = subprocess.Popen(
        [*command, "-p", "tests.mutation.plugin", *selection_for(mutant)],
        cwd=ROOT,
        env={**usual, "MUTANT": mutant.name if mutant else "", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = running.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        # With everything it started: its Redis must not outlive it.
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    assert running.returncode in (0, 1), output.decode()[-2000:]
    return running.returncode == 1


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_nine_in_ten_mutants_are_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    assert not is_noticed(None), "the tests fail without a mutant"

    with ThreadPoolExecutor(2) as pool:
        noticed = dict(zip(MUTANTS, pool.map(is_noticed, MUTANTS), strict=True))

    survivors = [f"{mutant.file}: {mutant.name}" for mutant, was in noticed.items() if not was]
    share = 1 - len(survivors) / len(MUTANTS)
    with capsys.disabled():
        print(f"\nmutation: {len(MUTANTS) - len(survivors)} of {len(MUTANTS)} noticed, {share:.0%}")
        for survivor in survivors:
            print(f"  survived: {survivor}")
    assert share >= 0.9, survivors

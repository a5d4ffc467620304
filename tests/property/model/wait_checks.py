"""Whoever waits for somebody outside, or is held by a pause: who must be listed, and who must not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.property.model.snapshots import ExecutionSnapshot


def of_waits(now: ExecutionSnapshot, *, is_faulty: bool) -> list[str]:
    """Whoever waits for somebody outside is listed once, nobody else is; what is kept is counted."""
    broken, listed = [], []
    for name, entries in now.waits.items():
        listed += [("signal", name, *entry) for entry in entries]
        if entries and f"queue|{name}" in now.signals and not is_faulty:
            broken.append(f"{entries} wait for {name}, and signals of that name are kept")
    listed += [("approval", now.of("awaits", node_id), node_id, number) for node_id, number in now.approvals]
    wanted = [
        (on, now.of("awaits", node_id), node_id, now.of("attempt", node_id))
        for node_id, word in now.units.items()
        if word == "WAITING" and (on := now.of("waiting_on", node_id)) in ("signal", "approval")
    ]
    if strangers := [entry for entry in listed if entry not in wanted or listed.count(entry) > 1]:
        broken.append(f"listed as waiting, and is not, or twice: {strangers}")
    if not is_faulty and (lost := [entry for entry in wanted if entry not in listed]):
        broken.append(f"waits and is not listed: {lost}")
    queued = [
        number for key, line in now.signals.items() if key.startswith("queue|") for number in line.split()
    ]
    payloads = [key.removeprefix("payload|") for key in now.signals if key.startswith("payload|")]
    if sorted(queued) != sorted(payloads) or len(queued) != int(now.signals.get("kept", 0)):
        broken.append(f"signals kept: {queued}, {payloads}, {now.signals.get('kept')}")
    return broken


def of_pauses(now: ExecutionSnapshot, *, is_faulty: bool) -> list[str]:
    """Nothing is held but by a pause, and nothing twice; no node waits for an operator in vain."""
    broken = []
    if now.has_ended and (now.held or now.runtime.get("paused")):
        broken.append(f"ended {now.status} and holds {now.held}")
    if (now.status == "PAUSED") != bool(now.runtime.get("paused")) and not now.has_ended:
        broken.append(f"{now.status}, and paused is {now.runtime.get('paused')!r}")
    if now.worklist or is_faulty:
        return broken
    if now.status == "RUNNING" and now.held:
        broken.append(f"RUNNING and holds {now.held}")
    if len(set(now.held)) != len(now.held):
        broken.append(f"held twice: {now.held}")
    for node_id, word in now.nodes.items():
        is_asking = word == "WAITING" and now.of("waiting_on", node_id) == "operator"
        if is_asking and node_id not in now.held and not now.runtime.get("cancelling"):
            broken.append(f"{node_id} waits for an operator in an execution that is {now.status}")
    return broken

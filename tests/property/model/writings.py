"""What durable units have written down, and the letters to them: what Redis must hold of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.property.model.snapshots import ExecutionSnapshot

#: What is counted for each entry beside its data.
WEIGHT = 64
#: Bytes of a journal, and letters that wait, that are allowed here.
MOST_BYTES = 500
MOST_LETTERS = 4


@dataclass(slots=True)
class Writing:
    """Of one unit: every letter there has ever been, every entry, and the letter that each has taken."""

    letters: list[str] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    took: list[int] = field(default_factory=list)
    through: int = 0
    snapshot: str = ""

    @property
    def taken(self) -> int:
        return len(self.took)

    @property
    def waiting(self) -> int:
        return len(self.letters) - self.taken

    @property
    def bytes(self) -> int:
        kept = [*self.entries[self.through :], *([self.snapshot] if self.snapshot else [])]
        return sum(len(each) + WEIGHT for each in kept)


@dataclass(slots=True)
class Writings:
    """All of one execution, by unit."""

    by_unit: dict[str, Writing] = field(default_factory=dict)

    def of(self, unit: str) -> Writing:
        return self.by_unit.setdefault(unit, Writing())

    def broken(self, now: ExecutionSnapshot) -> list[str]:
        """Say what Redis holds of them that it should not; [] when all is well."""
        journal: dict[str, str] = {}
        inbox: dict[str, str] = {}
        broken = []
        for unit, each in self.by_unit.items():
            if each.entries:
                journal |= {f"{unit}|last": str(len(each.entries)), f"{unit}|bytes": str(each.bytes)}
            for number, data in enumerate(each.entries[each.through :], each.through + 1):
                journal[f"{unit}|{number}"] = data
            if each.through:
                places = {f"{unit}|base": str(each.through), f"{unit}|cut": str(each.through)}
                journal |= {**places, f"{unit}|snap": each.snapshot}
            if each.letters:
                inbox[f"{unit}|last"] = str(len(each.letters))
            if each.took:
                inbox[f"{unit}|taken"] = str(each.taken)
            for number, payload in enumerate(each.letters[each.taken :], each.taken + 1):
                inbox[f"{unit}|{number}"] = payload
            if each.took != list(range(1, each.taken + 1)):
                broken.append(f"letters to {unit} were taken in the order {each.took}")
            is_asleep = now.units.get(unit) == "WAITING" and now.of("waiting_on", unit) == "inbox"
            if is_asleep and each.waiting and now.status in ("RUNNING", "PAUSED"):
                broken.append(f"{unit} waits for letters, and has {each.waiting}")
        found = {name: value for name, value in now.inbox.items() if "|call|" not in name}
        if found != inbox:
            broken.append(f"the inbox is {found}, not {inbox}")
        if now.journal != journal:
            broken.append(f"the journal is {now.journal}, not {journal}")
        return broken

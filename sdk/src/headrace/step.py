"""One step of a workflow that is built in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from headrace.references import Reference

if TYPE_CHECKING:
    from headrace.workflow import Workflow

Later = TypeVar("Later", bound="Step | Sequence[Step]")


class Step:
    """One step of a workflow. `output` and `status` refer to what it comes to when it runs."""

    def __init__(self, workflow: Workflow, number: int, handler: str, given_id: str | None) -> None:
        self.handler = handler
        self.given_id = given_id
        self.config: dict[str, Any] = {}
        self.fields: dict[str, Any] = {}
        self.after: list[str | Step] = []
        self._workflow = workflow
        self._number = number

    @property
    def output(self) -> Reference:
        """What it gives; `step.output.rows[0].id` leads into it."""
        return Reference(f"\u27e8step-{self._number}\u27e9.output")

    @property
    def status(self) -> Reference:
        """COMPLETED, FAILED, SKIPPED or CANCELLED, for the `when` of what runs behind it."""
        return Reference(f"\u27e8step-{self._number}\u27e9.status")

    @property
    def id(self) -> str:
        """Its id. Raises ValueError inside of the `with` block, unless it was given."""
        return self._workflow.id_of(self)

    def __rshift__(self, later: Later) -> Later:
        """`a >> b`: b runs behind a, and so do all of a list."""
        for step in later if isinstance(later, list | tuple) else [later]:
            if not isinstance(step, Step):
                hint = "an id is given to the later step, after=…"
                raise TypeError(f"{self!r} >> takes steps, got {step!r}; {hint}")
            step.after.append(self)
        return later

    def __rrshift__(self, earlier: Sequence[Step]) -> Self:
        """`[a, b] >> c`: c runs behind a and b."""
        self.after.extend(earlier)
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            hint = f"step.output.{name} is a field of what it gives"
            raise AttributeError(f"a step has no {name!r}: it has output, status and id; {hint}")

    def __getitem__(self, key: Any) -> NoReturn:
        raise TypeError(f"{self!r} is no object: write step.output[{key!r}] for a field of what it gives")

    def __format__(self, spec: str) -> str:
        """In an f-string a step stands for the whole of what it gives, as it does in a config."""
        return format(self.output, spec)

    def __repr__(self) -> str:
        return f"<Step {self.given_id or self._number} {self.handler}>"

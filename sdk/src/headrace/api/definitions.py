"""Definitions: checked and simulated, neither stored nor run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.calls import Definition, Part, Steps, Way, given, operation, path_of, post
from headrace.judgements import Judgement, Simulation
from headrace.sendable import definition_of


class Definitions(Part[Way]):
    """`client.definitions`. A definition is an object, YAML text, or a built one."""

    @operation
    def validate(self, definition: Definition, *, beside: Sequence[Definition] = ()) -> Steps[Judgement]:
        """Errors and warnings of a definition.

        beside  definitions that are going to be registered with it, and that it may start by name.
        """
        others = [definition_of(each) for each in beside]
        body = {"definition": definition_of(definition)} | given(beside=others or None)
        return Judgement.from_dict((yield from post(path_of("validate"), body, is_safe=True)))

    @operation
    def simulate(
        self,
        definition: Definition,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: Mapping[str, Any] | None = None,
        stubs: Mapping[str, Any] | str | None = None,
    ) -> Steps[Simulation]:
        """Run a definition with stubbed handlers and virtual time; the answer is its path and its end."""
        body = given(definition=definition_of(definition), inputs=inputs, trigger=trigger, stubs=stubs)
        return Simulation.from_dict((yield from post(path_of("simulate"), body, is_safe=True)))

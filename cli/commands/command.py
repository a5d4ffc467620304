"""Command and Group: those of typer, without pydantic for words that need no check.

typer reads each option by a pydantic adapter, even one that is not given; importing pydantic takes a short
command as long as asking the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer._click.exceptions import NoSuchOption, UsageError
from typer._coercion import RuntimeParam, build_runtime_param
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from typer._click import Command as _Command
    from typer._click import Context, Parameter

#: What stands for the value of an option that has no name for it.
VALUES = {
    str: "TEXT",
    list[str]: "TEXT",
    Path: "FILE",
    list[Path]: "FILE",
    int: "N",
    float: "N",
}
#: Of a number that is read here.
MOST_DIGITS = 18


class PlainParam(RuntimeParam):
    """Reads texts, paths and whole numbers; typer reads everything else, and words every refusal."""

    def _coerce_value(self, value: Any, param: Any, ctx: Context) -> Any:
        kind = self.annotation
        if kind == list[str]:
            return list(value)
        if kind == list[Path]:
            return [Path(each) for each in value]
        if kind is Path:
            return Path(value)
        # A text that is wanted as one, or the default of a number.
        if isinstance(kind, type) and isinstance(value, kind):
            return value
        if kind is int and (number := self._number(value)) is not None:
            return number
        return build_runtime_param(param.type_descriptor)._coerce_value(value, param=param, ctx=ctx)

    def _number(self, word: str) -> int | None:
        """A whole number within its bounds; None for any other word."""
        if not (word.isascii() and word.isdecimal() and len(word) < MOST_DIGITS):
            return None
        number, least, most = int(word), self.parameter_info.min, self.parameter_info.max
        is_within = (least is None or number >= least) and (most is None or number <= most)
        return number if is_within else None


class Command(TyperCommand):
    """A command of the command line."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Its parameters, and `--help`."""
        return _plain(super().get_params(ctx))

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read its words; an option that it does not have is called by its name here."""
        with _explained(ctx):
            return super().parse_args(ctx, args)


class Group(TyperGroup):
    """A command that has commands of its own."""

    def get_params(self, ctx: Context) -> list[Parameter]:
        """Its parameters, and `--help`."""
        return _plain(super().get_params(ctx))

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read its words; an option that it does not have is called by its name here."""
        with _explained(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, _Command | None, list[str]]:
        """Find the command that is named; one that is not there is called by its name here."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            from cli.commands.other_words import explain_command

            explain_command(error, args[0], self.commands)
            raise


@contextmanager
def _explained(ctx: Context) -> Iterator[None]:
    try:
        yield
    except NoSuchOption as error:
        from cli.commands.other_words import explain_option

        explain_option(error, ctx)
        raise


def _plain(params: list[Parameter]) -> list[Parameter]:
    for param in params:
        if isinstance(param, TyperArgument | TyperOption):
            kind = param.type_descriptor
            if isinstance(param, TyperOption) and not param.is_flag and param.metavar is None:
                param.metavar = VALUES.get(kind.annotation)
            # Where typer keeps what it would build for the first value.
            param._runtime_param = PlainParam(kind.parameter_info, kind.annotation)
    return params

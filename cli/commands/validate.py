"""`./headrace validate FILE…`: errors and probable mistakes in workflows, which are not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from cli.commands.api_call import ExitCode, call_server, usage_error
from cli.commands.documents import EMPTY_FILE, STDIN, has_steps, is_json, is_stubs, read_text, title_of
from cli.commands.local_checks import LocalRefusal, judge_here
from cli.commands.options import ServerOption
from cli.output.text import counted, json_line, json_text, without_repeats

if TYPE_CHECKING:
    from cli.output.json_positions import Mark
    from headrace.client import AsyncClient
    from headrace.judgements import Judgement

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


#: Files that are sent beside one, as many as the API takes.
MOST_BESIDE = 50
#: Bytes of one that is judged and of those beside it: as text in JSON they are at most twice as long, and the
#: API takes 8 MiB (MAX_DEFINITION_BYTES).
MOST_BYTES = 4 * 1024 * 1024


class OutputFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing found in one file. Line and column count from 1; both are 1 where the place is not known."""

    is_error: bool
    code: str
    message: str
    path: str = ""
    hint: str | None = None
    line: int = 1
    column: int = 1

    @property
    def text(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        fields = {"path": self.path, "code": self.code, "message": self.message}
        if self.hint:
            fields["hint"] = self.hint
        return fields | {"line": self.line, "column": self.column}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file, in the order of its lines."""

    file: Path
    found: tuple[Found, ...]
    summary: dict[str, Any] | None = None

    def having(self, *, is_error: bool) -> list[Found]:
        return [each for each in self.found if each.is_error is is_error]


def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Workflows as JSON or YAML; - reads standard input.", metavar="FILE")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail as well.")] = False,
    output: Annotated[OutputFormat, typer.Option("-o", "--output", help="Form of the report.")] = (
        OutputFormat.TEXT
    ),
    server: ServerOption = None,
) -> None:
    """Check workflows and warn about probable mistakes.

    Nothing is stored and nothing runs. Workflows that these start by name are looked for among the files and
    in the server. Without one the files are checked here; handlers that only workers have are then warnings,
    and of workflows only those of the files are known. Exit code: 0 good, 1 an error was found (or, with
    --strict, a warning), 2 usage or an unreadable file, 5 the server that --server or API_URL names is away.
    """
    try:
        # A shell's `workflows/*.yaml` names the stubs beside them too.
        questions = [Question.read(file, read_text(file)) for file in files if not is_stubs(file)]
    except ValueError as error:
        raise usage_error("validate", error) from None

    async def act(client: AsyncClient) -> int:
        from cli.stack import info

        may_do_without = server is None and not info.is_api_named()
        try:
            reports = await judge(client, questions, may_do_without=may_do_without)
        except LocalRefusal as refusal:
            typer.echo(f"headrace validate: {refusal}", err=True)
            return ExitCode.USAGE
        for line in _RENDER[output](reports):
            typer.echo(line)
        if output is OutputFormat.TEXT:
            typer.echo(conclusion(reports), err=True)
        return exit_code(reports, is_strict=strict)

    call_server(server, act)


@dataclass(frozen=True, slots=True)
class Question:
    """A file as it is sent: JSON as an object, so that its lines are found here; anything else as text.

    refusal  what is wrong with it before anything is asked.
    """

    file: Path
    definition: dict[str, Any] | str
    marks: dict[str, Mark] | None = None
    refusal: Found | None = None

    @classmethod
    def read(cls, file: Path, text: str) -> Question:
        from cli.output.json_positions import JsonProblem, read_json

        if not text.strip():
            return cls(file, text, refusal=Found(True, "empty", EMPTY_FILE, line=1, column=1))
        if not is_json(file, text):
            return cls(file, text)
        try:
            document, marks = read_json(text)
        except JsonProblem as problem:
            error = Found(True, problem.code, problem.message, line=problem.line, column=problem.column)
            return cls(file, text, refusal=error)
        if not isinstance(document, dict):
            error = Found(True, "wrong_type", "a workflow must be a JSON object")
            return cls(file, text, refusal=error)
        return cls(file, document, marks)

    def report(self, judgement: Judgement) -> Report:
        """What was found, in the order of the lines of the file."""
        from cli.output.json_positions import nearest

        found = []
        for entries, is_error in ((judgement.errors, True), (judgement.warnings, False)):
            for entry in entries:
                if self.marks is not None:
                    line, column = nearest(self.marks, str(entry.get("path", "")))
                    entry = {"line": line, "column": column, **entry}
                found.append(_found(entry, is_error=is_error))
        ordered = sorted(found, key=lambda each: (each.line, each.column))
        return Report(self.file, tuple(ordered), judgement.summary)


async def judge(client: AsyncClient, questions: Sequence[Question], *, may_do_without: bool) -> list[Report]:
    """Ask the server about each file; where there is none and none was named, a process of this machine."""
    from headrace.errors import ServerUnreachable
    from headrace.judgements import Judgement

    reports = {each.file: Report(each.file, (each.refusal,)) for each in questions if each.refusal}
    waiting = [each for each in questions if not each.refusal]
    # The server takes native definitions alone; workflow files may be of other shapes.
    here = [each for each in waiting if has_steps(each.definition)]
    named = _by_name(waiting) if len(waiting) > 1 else {}
    try:
        for each in waiting:
            if each not in here:
                reports[each.file] = each.report(
                    await client.definitions.validate(each.definition, beside=_beside(each, named))
                )
    except ServerUnreachable:
        if not may_do_without:
            raise
        typer.echo(f"no server at {client.base_url}: checked without the handlers of workers", err=True)
        here = [each for each in waiting if each.file not in reports]
    for each, found in zip(here, judge_here([each.definition for each in here]), strict=True):
        reports[each.file] = each.report(Judgement.from_dict(found))
    return [reports[each.file] for each in questions]


def _text_of(question: Question) -> str:
    return question.definition if isinstance(question.definition, str) else json_line(question.definition)


def _by_name(questions: Sequence[Question]) -> dict[str, tuple[Question, int]]:
    """Give the files by the names they are registered under, each with its bytes."""
    from headrace.api.workflows import name_of

    named = {name_of(title_of(each.definition)): each for each in questions}
    return {name: (each, len(_text_of(each).encode())) for name, each in named.items() if name}


def _beside(question: Question, named: Mapping[str, tuple[Question, int]]) -> list[dict[str, Any] | str]:
    """The other files that are registered under a name which this one contains, as many as may be sent."""
    text, found = _text_of(question), list[dict[str, Any] | str]()
    left = MOST_BYTES - len(text.encode())
    for name, (each, size) in named.items():
        if name in text and each is not question and size <= left and len(found) < MOST_BESIDE:
            found.append(each.definition)
            left -= size
    return found


def _found(entry: dict[str, Any], *, is_error: bool) -> Found:
    return Found(
        is_error=is_error,
        code=str(entry.get("code", "")),
        message=str(entry.get("message", "")),
        path=str(entry.get("path", "")),
        hint=entry.get("hint"),
        line=entry.get("line") or 1,
        column=entry.get("column") or 1,
    )


def exit_code(reports: Sequence[Report], *, is_strict: bool) -> int:
    """Fail for any error, and in strict mode for any warning."""
    failing = [each for report in reports for each in report.found if each.is_error or is_strict]
    return ExitCode.FAILED if failing else ExitCode.SUCCESS


def conclusion(reports: Sequence[Report]) -> str:
    """Sum up in one line."""
    errors = sum(len(report.having(is_error=True)) for report in reports)
    warnings = sum(len(report.having(is_error=False)) for report in reports)
    return f"{counted(len(reports), 'file')}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"


def as_text(reports: Sequence[Report]) -> Iterator[str]:
    """One line for each finding: file:line:column: code message."""
    for report in reports:
        texts = without_repeats(each.text for each in report.found)
        for each, text in zip(report.found, texts, strict=True):
            grade = "" if each.is_error else "warning: "
            yield f"{_name(report.file)}:{each.line}:{each.column}: {each.code} {grade}{text}"


def as_json(reports: Sequence[Report]) -> Iterator[str]:
    """One JSON document with an entry for each file."""
    files = [
        {
            "file": _name(report.file),
            "valid": not report.having(is_error=True),
            "errors": [each.to_dict() for each in report.having(is_error=True)],
            "warnings": [each.to_dict() for each in report.having(is_error=False)],
            "summary": report.summary,
        }
        for report in reports
    ]
    yield json_text({"files": files})


def as_sarif(reports: Sequence[Report]) -> Iterator[str]:
    """One SARIF 2.1.0 log, as code hosts and editors read it."""
    codes = sorted({each.code for report in reports for each in report.found})
    results = [
        {
            "ruleId": each.code,
            "ruleIndex": codes.index(each.code),
            "level": "error" if each.is_error else "warning",
            "message": {"text": each.text},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(report.file)},
                        "region": {"startLine": each.line, "startColumn": each.column},
                    }
                }
            ],
        }
        for report in reports
        for each in report.found
    ]
    driver = {"name": "headrace", "rules": [{"id": code} for code in codes]}
    # Columns are counted in characters here, not in SARIF's default, UTF-16 units.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    yield json_text({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


_RENDER = {OutputFormat.TEXT: as_text, OutputFormat.JSON: as_json, OutputFormat.SARIF: as_sarif}


def _name(file: Path) -> str:
    return "stdin" if file == STDIN else str(file)


def _uri(file: Path) -> str:
    return file.as_uri() if file.is_absolute() else quote(_name(file).replace("\\", "/"))

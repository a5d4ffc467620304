"""What is wrong or odd about the fields of a cron expression: which, what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cronsim import CronSimError
from cronsim.cronsim import DAYS_IN_MONTH, RANGES, Field

#: What every field takes beside its own values.
FORMS = "with '*', lists such as 1,15, ranges such as 1-5 and steps such as */5"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the five fields: its name, what reads it, and the values it takes."""

    name: str
    field: Field
    allowed: str


PARTS = (
    _Part("minute", Field.MINUTE, "0-59"),
    _Part("hour", Field.HOUR, "0-23"),
    _Part("day of month", Field.DAY, "1-31, L for the last day, LW for the last weekday"),
    _Part("month", Field.MONTH, "1-12 or JAN-DEC"),
    _Part("day of week", Field.DOW, "0-7 or SUN-SAT (0 and 7 are Sunday), 5L for the last Friday, 5#2"),
)


def wrong_fields(fields: Sequence[str]) -> list[str]:
    """Say what is wrong with each of the five fields that cannot be read; nothing where all can."""
    found = []
    for part, text in zip(PARTS, fields, strict=True):
        for term in text.upper().split(","):
            if not _is_read(part, term):
                found.append(_fault(part, text, term))
                break
    return found


def never_due(fields: Sequence[str]) -> str:
    """Say why an expression whose fields can all be read is never due."""
    days, months = Field.DAY.parse(fields[2].upper()), Field.MONTH.parse(fields[3].upper())
    named = [_MONTHS[int(month) - 1] for month in sorted(months) if isinstance(month, int)]
    longest = max(DAYS_IN_MONTH[month] for month in months if isinstance(month, int))
    first = min((day for day in days if isinstance(day, int)), default=0)
    if first > longest:
        has = "has" if len(named) == 1 else "have"
        return (
            f"is never due: day of month {fields[2]!r}, but {', '.join(named)} {has} {longest} days at most"
        )
    return "is never due: in the 50 years looked at no day fits both day of month, month and day of week"


def idle_steps(fields: Sequence[str]) -> Iterator[str]:
    """Say of each step that is longer than what it steps through that it takes the first value alone."""
    for part, text in zip(PARTS, fields, strict=True):
        for term in text.upper().split(","):
            among, slash, step = term.partition("/")
            if not slash or part.field.parse(among) <= {-1000, -1001}:
                continue
            values = part.field.parse(f"{among}/1")  # `5/70` counts on from 5 to the end
            if int(step) > len(values):
                (only,) = part.field.parse(term)
                numbers = [each for each in values if isinstance(each, int)]
                span = f"{min(numbers)}-{max(numbers)}"
                yield f"{part.name} {term!r} is {only} alone: a step of {step} leads beyond {span}"


def _is_read(part: _Part, term: str) -> bool:
    try:
        part.field.parse(term)
    except CronSimError:
        return False
    return True


def _fault(part: _Part, text: str, term: str) -> str:
    """Say what is wrong with a term of a field that cannot be read."""
    what = f"{part.name} {text!r}"
    if not term:
        return f"{what}: a value is missing beside a comma"
    if "?" in term:
        return f"{what}: '?' is written '*' here"
    among, slash, step = term.partition("/")
    if slash and _is_read(part, among):
        return f"{what}: the step must be a whole number from 1, found {step!r}"
    first, dash, last = among.partition("-")
    if dash and all(each.isalnum() and _is_read(part, each) for each in (first, last)):
        end, start = ("SAT", "SUN") if part.field is Field.DOW else ("DEC", "JAN")
        if not first.isalpha():
            numbers = RANGES[part.field]
            end, start = str(6 if part.field is Field.DOW else numbers[-1]), str(numbers[0])
        over = f"{first}-{end},{start}-{last}"
        return f"{what}: the range {among!r} ends before it begins; for one that goes round write {over}"
    return f"{part.name} must be {part.allowed}{'' if term.isdigit() else f', {FORMS}'}; found {text!r}"

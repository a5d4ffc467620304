# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of schedules; see `mutants.py`."""

from __future__ import annotations

from tests.mutation.mutant import of

SCHEDULES = (
    *of(
        "fire_schedule",
        ("a slot is started by what was read before", "if s.turn ~= ARGV[5] then return {'stale', execution_id, 0} end\n", ""),
        ("a start is not among the live ones", "live[#live + 1] = execution_id\n", ""),
        ("a start is not counted", "  s.runs = string.format('%d', s.runs + 1)\n", ""),
        ("missed slots are not counted", "  if ARGV[10] ~= '0' then redis.call('HINCRBY', s.key, 'missed', ARGV[10]) end\n", ""),
    ),
    *of(
        "tend_schedule",
        ("a slot is let go by what was read before", "if s.turn ~= ARGV[4] then return 'stale' end\n", ""),
    ),
    *of("count_trigger", ("a trigger sent again counts twice", "if last[2] ~= ARGV[2] then", "if true then")),
    *of("put_schedule", ("a rule that was late is taken", " or schedules.is_late(KEYS[1], {unpack(ARGV, 11)})", "")),
    *of(
        "include/schedules",
        ("slots that wait are forgotten uncounted", "    if #s.buffer > 0 then redis.call('HINCRBY', s.key, 'skipped', #s.buffer) end\n", ""),
        ("what has ended is live for ever", "    if may_leave('execution', 'cancel_execution', status) then", "    if status then"),
        ("a finished schedule goes on", "if s.max_runs ~= '' and tonumber(s.runs) >= tonumber(s.max_runs) then s.next_ms", "if false then s.next_ms"),
        ("a failure pauses nothing", "if failed and s.pauses_on_failure == '1'", "if false and s.pauses_on_failure == '1'"),
        ("what is terminated is live", "    s.live, s.buffer = {}, {}\n    return nil", "    return nil"),
        ("one more slot waits", "policy == 'buffer_one' and 1 or 0", "policy == 'buffer_one' and 2 or 0"),
        ("a slot that waits is started again by another rule", "string.match(values[2] or '', '(%d+)$') or values[1]", "values[1]"),
    ),
)  # fmt: skip

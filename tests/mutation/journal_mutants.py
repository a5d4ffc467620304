# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of durable handlers: journals, letters, parks; see mutants.py."""

from __future__ import annotations

from tests.mutation.mutant import of

JOURNALS = (
    *of(
        "include/journal",
        ("a late attempt writes into a journal", "return x and is_current(x, unit, attempt, nonce) and status_of(x, unit) == 'RUNNING'", "return x"),
        ("any number of entries goes at once", "local last, names = math.min(base, cut + journal.removed), {}", "local last, names = base, {}"),
        ("what goes counts on", "    bytes = bytes - redis.call('HSTRLEN', key, name) - journal.weight\n", ""),
        ("entries stay behind a snapshot", "  in_parts('HDEL', names, key)\n", ""),
        ("a namesake's snapshot is read", "  redis.call('HDEL', key, unit .. '|snap')\n", ""),
        ("a namesake's entries are read", "  redis.call('HSET', key, unit .. '|base', last, unit .. '|bytes'", "  redis.call('HSET', key, unit .. '|bytes'"),
    ),
    *of(
        "include/items",
        ("an item made anew has a journal", "        journal.forget(x, unit)\n", ""),
    ),
    *of(
        "append_journal",
        ("an entry is written twice", "if number <= last then return {'ok', last} end\n", ""),
        ("an entry is passed over", "if number > last + 1 then return {'gap', last} end\n", ""),
        ("a journal has no end", "if bytes > tonumber(ARGV[9]) then return {'full', bytes} end\n", ""),
        ("a letter overtakes another", "if tonumber(letter) ~= taken + 1 or taken == newest then", "if taken == newest then"),
        ("a letter that is not there is taken", "if tonumber(letter) ~= taken + 1 or taken == newest then", "if tonumber(letter) ~= taken + 1 then"),
        ("a letter stays behind its entry", "  redis.call('HSET', rare_key.inbox(x.id), unit .. '|taken', letter)\n", ""),
        ("events of entries have no end", "if emitted and emitted > tonumber(ARGV[10]) then return {'exceeded', 0} end\n", ""),
        ("events of entries are not counted", "if emitted then note(x, 'emitted', string.format('%d', emitted)) end\n", ""),
        ("progress forgives no lost worker", "if state_of(x, unit).crashes ~= '0' then amend(x, unit).crashes = '0' end\n", ""),
        ("what a snapshot has left stays", "if cut < base then", "if false then"),
    ),
    *of(
        "snapshot_journal",
        ("a snapshot stands for what is to come", "if through > last then return {'gap', 0} end\n", ""),
        ("an old snapshot comes back", "if through < base then return {'ok', 0} end\n", ""),
        ("each snapshot counts for ever", "(before and #before + journal.weight or 0)", "0"),
    ),
    *of(
        "await_letter",
        ("a park is a try", "uncharge(x, unit)\n", ""),
        ("a letter that is there does not wake", "elseif last > taken then", "elseif false then"),
        ("a unit parks during a cancel", "if is_ending(x, unit) then", "if false then"),
        ("a park has no timer", "    redis.call('ZADD', timers_key(), due_ms, timer_member('inbox', x.id, unit, attempt))\n", ""),
    ),
    *of(
        "post_letter",
        ("a letter is posted twice", "if known then", "if false then"),
        ("another letter is taken for the same", "  if hash ~= ARGV[6] then return {'conflict', status, 0, 0} end\n", ""),
        ("letters have no end", "if last - taken >= tonumber(ARGV[8]) then return {'full', status, 0, 0} end\n", ""),
        ("what has ended takes letters", "if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0, 0} end\n", ""),
        ("what is ending takes letters", "if x.cancelling then return {'cancelling', status, 0, 0} end\n", ""),
        ("a map takes letters for its items", "if facts.map and not index then return {'mapped', status, 0, 0} end\n", ""),
        ("an item that is not there takes letters", "tonumber(index) < tonumber(", "tonumber("),
        ("a letter wakes nobody", "  inbox.wake(x, unit, taken + 1)\n", ""),
        ("a letter wakes what waits for something else", " and redis.call('HGET', x.runtime, 'waiting_on|' .. unit) == 'inbox' then", " then"),
    ),
    *of(
        "include/inbox",
        ("a letter leaves the timer", "  detach(x, unit, 'WAITING', facts)\n", ""),
    ),
    *of(
        "repair_execution",
        ("the sweep leaves letters", "if last > taken and on == 'inbox' and status_of(x, id) == 'WAITING' then inbox.wake(x, id, taken + 1) end", ""),
    ),
)  # fmt: skip

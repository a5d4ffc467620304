# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts, one text replacement each; the tests must notice them.

A replacement names its place so closely that it fits exactly once: when a script changes, its mutants change with it.
Mistakes that a second guard makes harmless are left out; the fence, for one, holds by attempt, nonce and status.
"""

from __future__ import annotations

from tests.mutation.mutant import Mutant, of
from tests.mutation.mutants_of_features import FEATURES

ATTEMPT = of(
    "include/attempt",
    ("any claim may end the attempt", " or x.fields[2] ~= nonce then", " then"),
    ("a call sent again is refused", "if x.fields[3] == nonce then return nil, 'dup' end", ""),
    (
        "the lease outlives the attempt",
        "free_lease(lease_member(x.id, node_id, attempt))",
        "",
    ),
    ("the time limit outlives the attempt", "if facts.start_to_close_ms > 0 then", "if false then"),
    ("the task outlives the attempt", "drop_message(facts.queue, x.fields[5])", ""),
    ("the end of an attempt is not remembered", "note(x, 'finished|' .. node_id, nonce)", ""),
)
BASE = of(
    "include/base",
    ("event ids have gaps", "x.seq = x.seq + 1\n", "x.seq = x.seq + 2\n"),
    ("a lost event counter repeats an id", "[1][1], '^%d+')) + 1", "[1][1], '^%d+'))"),
    ("a lost count counts as none left", "local UNCOUNTED = -1000000000", "local UNCOUNTED = 0"),
    (
        "an execution opened twice is read as it was",
        "if place then x.fields[i] = x.notes[place] end",
        "",
    ),
    ("nodes left are not written back", "note(x, 'left', string.format('%d', x.left))", ""),
    ("failures are not written back", "note(x, 'failed', string.format('%d', x.failed))", ""),
    ("the newest event is not written back", "note(x, 'seq', string.format('%d', x.seq))", ""),
)
WRITES = of(
    "include/writes",
    (
        "a task is deleted unacknowledged",
        "redis.call('XACK', stream, GROUP, unpack(ids, i, math.min(i + 399, #ids)))",
        "",
    ),
    (
        "a task is acknowledged and kept",
        "redis.call('XDEL', stream, unpack(ids, i, math.min(i + 399, #ids)))",
        "",
    ),
    ("what is written is read as it was", "if place then return WRITES[place] end", ""),
    ("what is written twice keeps its first value", "WRITES[place] = value\n    return", "return"),
    (
        "only the first writes go out",
        "for i = 1, WRITTEN, 400 do",
        "for i = 1, math.min(WRITTEN, 1), 400 do WRITTEN = math.min(WRITTEN, 400)",
    ),
)
TOGETHER = of(
    "end_nodes",
    ("what nobody was given is lost", "post_ready()\n", ""),
)
FAULTS = (
    *of(
        "include/base",
        (
            "a call that fails forgets what it did",
            "local function give_up(fault)\n  flush_writes()",
            "local function give_up(fault)",
        ),
    ),
    *of(
        "include/claim",
        (
            "a damaged task fails who takes it along",
            "local is_done, reply = pcall(claim, ",
            "local is_done, reply = true, claim(",
        ),
    ),
)
HANDING_OVER = of(
    "include/claim",
    (
        "a worker keeps more than its share",
        "(among == 1 or running + #taken <= math.ceil((others + #taken) / among))",
        "true",
    ),
    (
        "a worker is handed what it does not offer",
        " and among and string.find(handlers, ' ' .. facts.handler .. ' ', 1, true)",
        " and among",
    ),
    ("what was cancelled is handed over", "if task.is_kept and among", "if among"),
    ("what was cancelled is posted", "if task.is_kept then", "if true then"),
    (
        "what is handed over is posted as well",
        "      task.is_kept = false\n      local nonce",
        "      local nonce",
    ),
    ("what was handed over is not remembered", "task.attempt, '-', facts.queue", "task.attempt, '-', ' '"),
    ("more is handed over than there are slots", "if #replies >= count or not has_room() then break end", ""),
    (
        "a successor is handed over before what is older",
        "while share > 0 and has_room() do",
        "while share > 0 and has_room() and not (READY and READY[1]) do",
    ),
)
CLAIM = of(
    "include/claim",
    ("an old task claims a new attempt", "if attempt ~= current or not (", "if not ("),
    ("a running attempt is given to a second worker", "if holder ~= nonce then", "if false then"),
    (
        "a claim takes no lease",
        "lease(lease_member(x.id, unit, attempt), NOW + lease_ms)",
        "",
    ),
    ("what was reached is not handed on", "{'$counts', '$beat'}", "{'$counts'}"),
    ("what rules counted is not handed on", "{'$counts', '$beat'}", "{false, '$beat'}"),
    ("the catch is not handed on", "if catch then", "if false then"),
    ("a large output goes along with every claim", "if MENTIONED[name] then return MENTIONED[name] end", ""),
    (
        "outputs have always room",
        "local length = #text\n  if length > REFERENCE_ROOM then",
        "local length = #text\n  if false then",
    ),
    ("items and signals have always room", "if length > math.max(0, ROOM) then", "if false then"),
    ("claims go on when the reply is full", "return ROOM >= REPLY_BYTES / 2 and", "return"),
    ("claims go on whatever is named", " and NAMED < NAMED_BYTES", ""),
    ("one step of tasks is read", "share = #entries == step and share - step or 0", "share = 0"),
    ("a claim leaves the node QUEUED", "move(x, unit, 'RUNNING')", ""),
    ("a try is not charged", "(tonumber(tries) or 0) + 1", "(tonumber(tries) or 0)"),
    ("a cancelling execution still starts nodes", "if x.cancelling then return {'cancelling'} end", ""),
    ("the waiting time goes on after the claim", "if facts.schedule_to_start_ms > 0 then", "if false then"),
    ("no time limit is set", "if facts.start_to_close_ms > 0 then", "if false then"),
    ("claims sent again are made again", "if last and string.sub(", "if false and string.sub("),
    ("more is claimed than there are slots", "readers[queue], count - #replies)", "1, count + 1)"),
    ("one worker takes what others could", "math.ceil(ready / readers)", "ready"),
    (
        "a handler is forced on a worker",
        "if not string.find(handlers,",
        "if false and not string.find(handlers,",
    ),
    (
        "a stale task stays",
        "    drop_message(queue, message_id)\n    return {'stale'}",
        "    return {'stale'}",
    ),
)
SETTLE = of(
    "include/settle",
    ("an end is not counted", "x.left = x.left - 1", "x.left = x.left"),
    ("an upstream failure counts as a skip", "outcome_of(status, reason)", "outcome_of(status, '')"),
    ("successors are not told", "if status ~= 'CANCELLED' then push(", "if false then push("),
    ("a cancelled wait keeps its timer", "if on and on ~= 'map' and on ~= 'child' then", "if false then"),
    ("an attempt number is used twice", "'HINCRBY', x.runtime, 'attempt|' .. node_id, 1)", "'HINCRBY', x.runtime, 'attempt|' .. node_id, 0)"),
    ("nothing limits the wait for a worker", "redis.call('ZADD', timers_key(), since + facts.schedule_to_start_ms,", "redis.call('ZSCORE', timers_key(),"),
    ("what is ending is parked", "event, data)\n  if is_ending(x, node_id) then", "event, data)\n  if false then"),
    ("a parked node has no timer", "redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, node_id, attempt))", ""),
    ("a handled failure counts", "local is_handled = taker or (facts.goes_on and not is_item)", "local is_handled = taker"),
    ("nobody takes over from a failed node", "(id == taker and 'ok' or outcome)", "outcome"),
    ("any successor may take over", "string.find(facts.catch .. ',', '>' .. taker .. ',', 1, true) ~= nil", "true"),
    ("a taker may be named by half", "'>' .. taker .. ',', 1, true)", "taker, 1, true)"),
    ("nobody is let take over", "taker = not is_item and is_taker(facts, taker) and taker", "taker = nil"),
    ("who takes over runs after a success", "(mark == '!' and outcome == 'ok')", "false"),
    ("a critical failure is not counted", "x.failed = x.failed + 1", ""),
    ("fail_fast cancels nothing", "push(x, 'cancel 0')", ""),
    ("a node is decided twice", "~= 'PENDING' then return end", "== 'COMPLETED' then return end"),
    ("a branch is decided before its condition", "elseif facts.gates > tonumber(values[5] or 0) then", "elseif false then"),
    ("the branch not taken runs", "elseif values[6] == '1' then", "elseif false then"),
    ("a condition opens no gate", "redis.call('HINCRBY', x.runtime, 'gates|' .. id, 1)", ""),
    ("only the first hundred successors are told", "if count >= CHUNK then push(x, outcome", "if count > CHUNK then push(x, outcome"),
    ("only the first hundred roots start", "if count and count >= CHUNK then push(x, 'start '", "if count and count > CHUNK then push(x, 'start '"),
    ("only the first hundred nodes are cancelled", "if count and count >= CHUNK then push(x, word", "if count and count > CHUNK then push(x, word"),
    ("a cancel kills what runs at once", "(word == 'kill' or status ~= 'RUNNING')", "true"),
    ("the end of the grace spares what runs", "(word == 'kill' or status ~= 'RUNNING')", "status ~= 'RUNNING'"),
    ("a failed execution ends COMPLETED", "end_of(x.cancelling, x.failed)", "end_of(x.cancelling, 0)"),
    ("a cancelled execution ends COMPLETED", "end_of(x.cancelling, x.failed)", "end_of(nil, x.failed)"),
    ("an ended execution stays active", "redis.call('SREM', active_key(), x.id)", ""),
    ("an ended execution keeps its deadline", "if x.deadline_ms then redis.call('ZREM'", "if false then redis.call('ZREM'"),
    ("the end comes before the saved turns", "if x.left ~= 0 or x.is_listed or has", "if x.left ~= 0 or has"),
    ("the rest of the turns is forgotten", "for i = x.head, x.tail do redis.call('RPUSH'", "for i = x.head, x.tail - 1 do redis.call('RPUSH'"),
    ("nothing comes back to saved turns", "if x.is_listed then redis.call('ZADD', timers_key(), NOW, member)", "if x.is_listed then redis.call('ZSCORE', timers_key(), member)"),
    ("a retry keeps the tries", "    start_over(x, id, parse_facts(redis.call('HGET', x.runtime, 'node|' .. id)))", ""),
)  # fmt: skip
ENDS = (
    *of(
        "complete_node",
        ("the output is not stored", "put_output(x, node_id, ARGV[14])", ""),
        ("the branch is not remembered", "if ARGV[15] ~= '' then", "if false then"),
    ),
    *of("release_node", ("a drain is charged", "redis.call('HINCRBY', x.runtime, 'tries|' .. ARGV[3], -1)", "")),
    *of("wait_node", ("the output kept aside is lost", "redis.call('HSET', x.runtime, 'kept|' .. node_id, ARGV[17])", "")),
    *of("cancel_node", ("a node is cancelled though nobody asked", "return answer('uncalled', 0)", "")),
    *of("skip_node", ("a skip forgets its reason", "'SKIPPED', ARGV[14]", "'SKIPPED', 'upstream_failed'")),
)  # fmt: skip
KEEPERS = (
    *of(
        "reap_node",
        ("a living lease is taken", "if deadline_ms and deadline_ms > NOW then", "if false then"),
        ("a lost worker is charged to the node", "redis.call('HINCRBY', x.runtime, 'tries|' .. node_id, -1)", ""),
        ("poison has no end", "if crashes > tonumber(ARGV[5])", "if crashes > 1000 + tonumber(ARGV[5])"),
        ("an old lease ends a new attempt", "not may_leave('node', 'reap_node', status) or x.fields[1] ~= attempt", "not may_leave('node', 'reap_node', status)"),
    ),
    *of(
        "renew_leases",
        ("a renewed lease has run out already", "NOW + ARGV[3], lease_member", "NOW, lease_member"),
        ("nobody is told of a cancel", "and 'cancel' or 'ok'", "and 'ok' or 'ok'"),
        ("what was reached is not kept", "if ARGV[i + 4] ~= '' then", "if false then"),
        ("no news wipes out what was reached", "if ARGV[i + 4] ~= '' then", "if true then"),
    ),
    *of(
        "wake_node",
        ("a timer fires early", "if tonumber(x.fields[4] or 0) > NOW then", "if false then"),
        ("a delay ends without output", "put_output(x, node_id, x.fields[5] or 'null')", ""),
        ("a stale timer stays", "  redis.call('ZREM', timers_key(), member)\n  return {'stale', 0}", "  return {'stale', 0}"),
    ),
    *of(
        "time_out_node",
        ("a time limit strikes early", "if due_ms and due_ms > NOW then", "if false then"),
        ("a late timer ends another state", "or status ~= expected or", "or"),
    ),
    *of(
        "hand_back_node",
        ("an old task gives back a new attempt", "'hand_back_node', status) or x.fields[1] ~= attempt then", "'hand_back_node', status) then"),
        ("patience never ends", "if NOW - since >= tonumber(ARGV[8]) then", "if false then"),
    ),
    *of(
        "report_events",
        ("a fenced attempt writes history", "if not x or x.fields[1] ~= attempt or x.fields[2] ~= ARGV[5]", "if not x"),
        ("a line sent again is written again", "if number > newest then", "if true then"),
    ),
    *of("stamp_tick", ("an outage expires leases", "hold = NOW + tonumber(ARGV[3])", "hold = 0")),
)  # fmt: skip
WHOLE = (
    *of(
        "create_execution",
        ("one id is created twice", "if redis.call('EXISTS', status_key(execution_id)) == 1 then", "if false then"),
        ("a request made again makes another execution", "  if known then", "  if false then"),
        ("a key serves another request", "hash == ARGV[6] and 'replayed' or 'conflict'", "'replayed'"),
    ),
    *of(
        "start_execution",
        ("an execution starts twice", "if not may_leave('execution', 'start_execution', status) then", "if false then"),
    ),
    *of("include/start", ("there is no deadline", "if timeout_ms > 0 then", "if false then")),
    *of(
        "cancel_execution",
        ("an ended execution is cancelled", "if not may_leave('execution', 'cancel_execution', status) then", "if false then"),
        ("a grace grows", "if NOW + ARGV[4] >= tonumber(x.fields[3] or 0) then", "if false then"),
        ("a grace is never made shorter", "if NOW + ARGV[4] >= tonumber(x.fields[3] or 0) then", "if true then"),
    ),
    *of("enforce_cancel", ("the grace is cut short", "if tonumber(x.fields[1]) > NOW then", "if false then")),
    *of(
        "time_out_execution",
        ("a deadline strikes early", "if not x.deadline_ms or x.deadline_ms > NOW then", "if false then"),
        ("a deadline overrules a cancel", "if x.cancelling ~= 'user' then", "if true then"),
    ),
    *of(
        "retry_execution",
        ("one retry is accepted twice", "if x.generation ~= ARGV[3] then", "if false then"),
        ("a slice sent again is listed twice", "if redis.call('LLEN', list) == position then", "if true then"),
    ),
    *of("continue_execution", ("a timer without turns stays", "redis.call('ZREM', timers_key(),", "redis.call('ZSCORE', timers_key(),")),
    *of("purge_staging", ("a visible execution is purged", "if redis.call('EXISTS', status_key(ARGV[2])) == 1 then", "if false then")),
    *of("stage_execution", ("a staged slice is forgotten", "redis.call('ZADD', staging_key(), 'NX', NOW, ARGV[2])", "")),
    *of(
        "repair_execution",
        ("a stale plan is carried out", "if tostring(x.seq) ~= ARGV[3] or not", "if not"),
        ("an ended execution is repaired", " or not may_leave('execution', 'cancel_execution', redis.call('GET', status_key(x.id))) then", " then"),
        ("a lost timer is not set again", "  redis.call('ZADD', timers_key(), 'NX', due_ms, timer_member(kind, x.id, id, attempt))", ""),
        ("a lost lease is not set again", "redis.call('ZADD', leases_key(), 'NX', 0, lease_member(x.id, id, attempt))", ""),
        ("a lost task is not written again", "    queue_node(x, id, 'QUEUED', facts, '{\"cause\":\"repair\"}', true)", ""),
        ("counters are not corrected", "redis.call('HSET', x.runtime, 'ok|' .. id, ok, ", "redis.call('HSET', x.runtime, "),
    ),
)  # fmt: skip

MUTANTS: tuple[Mutant, ...] = (
    *ATTEMPT, *BASE, *WRITES, *TOGETHER, *FAULTS, *HANDING_OVER, *CLAIM, *SETTLE, *ENDS, *KEEPERS, *WHOLE, *FEATURES,
)  # fmt: skip

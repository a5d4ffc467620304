# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts, one text replacement each; the tests must notice them.

A replacement names its place so closely that it fits exactly once: when a script changes, its mutants change with it.
Mistakes that a second guard makes harmless are left out; the fence, for one, holds by attempt, nonce and status.
"""

from __future__ import annotations

from tests.mutation.delivery_mutants import DELIVERIES
from tests.mutation.journal_mutants import JOURNALS
from tests.mutation.layout_mutants import LAYOUTS
from tests.mutation.mutant import Mutant, of
from tests.mutation.mutants_of_features import FEATURES
from tests.mutation.mutants_of_tenants import TENANTS
from tests.mutation.purge_mutants import PURGES
from tests.mutation.retention_mutants import RETENTION
from tests.mutation.schedule_mutants import SCHEDULES
from tests.mutation.webhook_mutants import WEBHOOKS

ATTEMPT = of(
    "include/attempt",
    ("any claim may end the attempt", "if state.nonce ~= nonce or state.attempt ~= attempt then", "if state.attempt ~= attempt then"),
    ("a call sent again is refused", "if state.nonce == ENDED .. nonce then return nil, 'dup' end", ""),
    ("the lease outlives the attempt", "free_lease(lease_member(x.id, unit, attempt))", ""),
    ("the time limit outlives the attempt", "if facts.start_to_close_ms > 0 then", "if false then"),
    ("the task outlives the attempt", "drop_message(facts.queue, state.message_id)", ""),
    ("the end of an attempt is not remembered", "state.is_ended = ENDED .. nonce, '-', true", "state.is_ended = '-', '-', true"),
    ("an attempt that has ended may end again", "state.is_ended = ENDED .. nonce, '-', true", "state.is_ended = nonce, '-', true"),
)  # fmt: skip
BASE = of(
    "include/base",
    ("event ids have gaps", "x.seq = x.seq + 1\n", "x.seq = x.seq + 2\n"),
    ("a lost event counter repeats an id", "[1][1], '^%d+')) + 1", "[1][1], '^%d+'))"),
    ("a lost count counts as none left", "local UNCOUNTED = -1000000000", "local UNCOUNTED = 0"),
    ("an execution opened twice is read as it was", "local x = OPEN[execution_id]", "local x = nil"),
    ("another layout is read as if it were known", "if layout ~= LAYOUT then", "if false then"),
    ("the record read with an execution is not taken", "take(unit, 'r|', values[8])", ""),
    ("who has not asked is told of the outcome", "asks == '' and x.id or outcome_of_end(x)", "outcome_of_end(x)"),
    ("what few executions have is not looked for", "redis.call('HSET', x.runtime, 'rare', '1', ...)", "redis.call('HSET', x.runtime, ...)"),
    ("nodes left are not written back", "note(x, 'left', string.format('%d', x.left))", ""),
    ("failures are not written back", "note(x, 'failed', string.format('%d', x.failed))", ""),
    ("the newest event is not written back", "note(x, 'seq', seq)", ""),
)  # fmt: skip
STATE = of(
    "include/state",
    ("what is written is read as it was", "  return unit.status\n", "  return stored_status(x.id, id)\n"),
    ("what renders the output of a new execution is PENDING", " and id ~= '$output'", ""),
    ("what is written twice keeps its first value", "  unit.status = status\n", "  unit.status = unit.is_moved and unit.status or status\n"),
    ("an only dependency counts as skipped", "unit['c|'], unit[outcome] = true, 1", "unit['c|'], unit.skip = true, 1"),
    ("an only dependency is not counted", "unit['c|'], unit[outcome] = true, 1", "unit['c|'] = true"),
    ("nodes are taken for the first of them", "units[i].status = values[i]", "units[i].status = values[1]"),
    ("the first part read ahead is not there", "for i = from, to do take(", "for i = from + 1, to do take("),
    ("what changes is not listed", "  if unit.is_listed then return end", "  do return end"),
    ("statuses are not written", "if unit.is_moved then", "if false then"),
    ("outputs are not written", "if unit.has_output then", "if false then"),
    ("records are not written", "    if unit.is_changed then\n", "    if false then\n"),
    ("counters are not written", "if unit.has_counted then", "if false then"),
    ("who takes an attempt away leaves it to its worker", "  state.nonce = '-'\n", ""),
    ("what runs again is known to have ended", "state.nonce, state.started_ms, state.ended_ms = '-', '-', '-'", "state.started_ms, state.ended_ms = '-', '-'"),
)  # fmt: skip
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
    (
        "only the first writes go out",
        "for i = from or 1, count, 400 do",
        "for i = from or 1, math.min(count, 400), 400 do",
    ),
)
TOGETHER = of(
    "end_nodes",
    ("what nobody was given is lost", "post_ready()\n", ""),
)
FAULTS = (
    *of(
        "include/base",
        ("a call that fails forgets what it did", "(post_ready) do end\n  leave()", "(post_ready) do end"),
        (
            "a task that cannot be posted hides what was done",
            "  while not pcall(post_ready) do end",
            "  post_ready()",
        ),
    ),
    *of(
        "include/claim",
        (
            "a damaged task fails who takes it along",
            "local is_done, reply = pcall(claim, execution_id, unit, attempt, entry[1]",
            "local is_done, reply = true, claim(execution_id, unit, attempt, entry[1]",
        ),
    ),
)
HANDING_OVER = (
    *of(
        "include/claim",
        (
            "a worker keeps more than its share",
            "(among == 1 or running + #taken <= math.ceil((others + #taken) / among))",
            "true",
        ),
        (
            "a worker is handed what it does not offer",
            " and among\n      and string.find(handlers, ' ' .. facts.handler .. ' ', 1, true)",
            " and among",
        ),
        ("what was cancelled is handed over", "if task.is_kept and not x.paused and", "if not x.paused and"),
        ("a paused execution hands over", " and not x.paused and not x.cancelling and", " and"),
        ("what was cancelled is posted", "if task.is_kept then", "if true then"),
        (
            "what is handed over is posted as well",
            "      task.is_kept = false\n      local nonce",
            "      local nonce",
        ),
        (
            "more is handed over than there are slots",
            "if #replies >= count or not has_room() then break end",
            "",
        ),
        (
            "a successor is handed over before what is older",
            "while share > 0 and has_room() do",
            "while share > 0 and has_room() and not (READY and READY[1]) do",
        ),
        (
            "what was handed over is not found again",
            ".attempt .. ' - ' .. facts.queue",
            ".attempt .. '- ' .. facts.queue",
        ),
        (
            "what was claimed is not found again",
            "attempt .. ' ' .. entry[1] .. ' '",
            "attempt .. entry[1] .. ' '",
        ),
    ),
    *of(
        "include/settle",
        (
            "what follows from no attempt is handed over",
            "local is_direct = unit_of(x, node_id).is_ended",
            "local is_direct = true",
        ),
    ),
)
CLAIM = of(
    "include/claim",
    ("an old task claims a new attempt", "if attempt ~= state.attempt or not (", "if not ("),
    ("a running attempt is given to a second worker", "if state.nonce ~= nonce then", "if false then"),
    ("a claim takes no lease", "lease(lease_member(x.id, unit, state.attempt), NOW + lease_ms)", ""),
    ("one step of tasks is read", "share = #entries == step and share - step or 0", "share = 0"),
    ("a claim leaves the node QUEUED", "move(x, unit, 'RUNNING')", ""),
    ("a try is not charged", "state.tries = tostring(state.tries + 1)", ""),
    ("a cancelling execution still starts nodes", "if x.cancelling then return {'cancelling'} end", ""),
    ("the waiting time goes on after the claim", "if facts.schedule_to_start_ms > 0 then", "if false then"),
    ("no time limit is set", "if facts.start_to_close_ms > 0 then", "if false then"),
    ("claims sent again are made again", "  if kept and string.sub(", "  if false and string.sub("),
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
REPLIES = of(
    "include/replies",
    ("what was reached is not handed on", "if beat then tell('$beat', '', beat) end", ""),
    (
        "nobody is told whose execution it is",
        "if x.tenant and x.tenant ~= 'default' then tell('$tenant'",
        "if false then tell('$tenant'",
    ),
    ("what rules counted is not handed on", "if counts then tell('$counts', '', counts) end", ""),
    ("the catch is not handed on", "if facts.catch then tell('$catch', '', facts.catch) end", ""),
    ("a large output goes along with every claim", "if length then return length end", ""),
    (
        "outputs have always room",
        "length = #text\n  if length > REFERENCE_ROOM then",
        "length = #text\n  if false then",
    ),
    ("items and signals have always room", "if length > math.max(0, ROOM) then", "if false then"),
    ("claims go on when the reply is full", "return ROOM >= REPLY_BYTES / 2 and", "return"),
    ("claims go on whatever is named", " and NAMED < NAMED_BYTES", ""),
)
NODES = of(
    "include/nodes",
    ("an end is not counted", "x.left = x.left - 1", "x.left = x.left"),
    ("an upstream failure counts as a skip", "outcome_of(status, reason)", "outcome_of(status, '')"),
    ("successors are not told", "if status ~= 'CANCELLED' then push(", "if false then push("),
    ("a cancelled wait keeps its timer", "if on and on ~= 'map' and on ~= 'child' then", "if false then"),
    ("an attempt number is used twice", "string.format('%d', state.attempt + 1), NOW_TEXT", "state.attempt, NOW_TEXT"),
    ("nothing limits the wait for a worker", "redis.call('ZADD', timers_key(), since + facts.schedule_to_start_ms,", "redis.call('ZSCORE', timers_key(),"),
    ("what is ending is parked", "event, data)\n  if is_ending(x, node_id) then", "event, data)\n  if false then"),
    ("a parked node has no timer", "redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, node_id, attempt))", ""),
    ("a handled failure counts", "local is_handled = taker or (facts.goes_on and not is_item)", "local is_handled = taker"),
    ("any successor may take over", "string.find(facts.catch .. ',', '>' .. taker .. ',', 1, true) ~= nil", "true"),
    ("a taker may be named by half", "'>' .. taker .. ',', 1, true)", "taker, 1, true)"),
    ("nobody is let take over", "taker = not is_item and is_taker(facts, taker) and taker", "taker = nil"),
    ("a critical failure is not counted", "x.failed = x.failed + 1", ""),
    ("fail_fast cancels nothing", "push(x, 'cancel 0')", ""),
)  # fmt: skip
SETTLE = of(
    "include/settle",
    ("nobody takes over from a failed node", "count_at(x, id, id == taker and 'ok' or outcome)", "count_at(x, id, outcome)"),
    ("who takes over runs after a success", "(mark == '!' and outcome == 'ok')", "false"),
    ("a node is decided twice", "~= 'PENDING' then return end", "== 'COMPLETED' then return end"),
    ("a branch is decided before its condition", "elseif facts.gates > counters.gates then", "elseif false then"),
    ("the branch not taken runs", "elseif counters.is_not_taken then", "elseif false then"),
    ("a condition opens no gate", "counters.gates = counters.gates + 1", ""),
    ("only the first hundred successors are told", "if #ids >= CHUNK then push(x, {outcome", "if #ids > CHUNK then push(x, {outcome"),
    ("only the first hundred roots start", "if count and count >= CHUNK then push(x, 'start '", "if count and count > CHUNK then push(x, 'start '"),
    ("only the first hundred nodes are cancelled", "if count and count >= CHUNK then push(x, word", "if count and count > CHUNK then push(x, word"),
    ("a cancel kills what runs at once", "(word == 'kill' or status ~= 'RUNNING')", "true"),
    ("the end of the grace spares what runs", "(word == 'kill' or status ~= 'RUNNING')", "status ~= 'RUNNING'"),
    ("a failed execution ends COMPLETED", "end_of(x.cancelling, x.failed)", "end_of(x.cancelling, 0)"),
    ("a cancelled execution ends COMPLETED", "end_of(x.cancelling, x.failed)", "end_of(nil, x.failed)"),
    ("an ended execution stays active", "redis.call('SREM', active_key(), x.id)", ""),
    ("an ended execution keeps its deadline", "if x.deadline_ms then redis.call('ZREM'", "if false then redis.call('ZREM'"),
    ("the end comes before the saved turns", "if x.left ~= 0 or x.is_listed or has", "if x.left ~= 0 or has"),
    ("the rest of the turns is forgotten", "for i = x.head, x.tail do\n    local item", "for i = x.head, x.tail - 1 do\n    local item"),
    ("nothing comes back to saved turns", "if x.is_listed then redis.call('ZADD', timers_key(), NOW, member)", "if x.is_listed then redis.call('ZSCORE', timers_key(), member)"),
    ("a retry keeps the tries", "    start_over(x, id, facts_of(x, id))", ""),
    ("counters of what is held are forgotten", "if verdict and not x.paused then drop_counters", "if verdict then drop_counters"),
    ("an end in a pause is not counted", "if mark == '=' and not x.paused then", "if mark == '=' then"),
)  # fmt: skip
ENDS = (
    *of(
        "complete_node",
        ("what is not in the history is not waited for", "return answer('unreported', 0)", "do end"),
        ("the output is not stored", "put_output(x, node_id, ARGV[14])", ""),
        ("the branch is not remembered", "if ARGV[15] ~= '' then", "if false then"),
    ),
    *of(
        "release_node",
        ("a drain is charged", "uncharge(x, ARGV[3])", ""),
        ("who lost its host is said to be drained", "ARGV[14] == 'host'", "false"),
    ),
    *of("wait_node", ("the output kept aside is lost", "redis.call('HSET', x.runtime, 'kept|' .. node_id, ARGV[17])", "")),
    *of("cancel_node", ("a node is cancelled though nobody asked", "return answer('uncalled', 0)", "")),
    *of("skip_node", ("a skip forgets its reason", "'SKIPPED', ARGV[14]", "'SKIPPED', 'upstream_failed'")),
)  # fmt: skip
KEEPERS = (
    *of(
        "reap_node",
        ("a living lease is taken", "if deadline_ms and deadline_ms > NOW and ARGV[9] == '' then", "if false then"),
        ("a lost worker is charged to the node", "uncharge(x, node_id)", ""),
        ("poison has no end", "if crashes > tonumber(ARGV[5])", "if crashes > 1000 + tonumber(ARGV[5])"),
        ("any worker may give an attempt up", "if ARGV[9] ~= '' and state_of(x, node_id).nonce ~= ARGV[9] then return {'stale', 0} end", ""),
        ("who gives an attempt up must wait for its lease", " and ARGV[9] == ''", ""),
        ("an old lease ends a new attempt", "not may_leave('node', 'reap_node', status) or state_of(x, node_id).attempt ~= attempt", "not may_leave('node', 'reap_node', status)"),
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
        ("a timer fires early", "if tonumber(due_ms or 0) > NOW then", "if false then"),
        ("a delay ends without output", "put_output(x, node_id, kept or 'null')", ""),
        ("a stale timer stays", "  redis.call('ZREM', timers_key(), member)\n  return {'stale', 0}", "  return {'stale', 0}"),
    ),
    *of(
        "time_out_node",
        ("a time limit strikes early", "if due_ms and due_ms > NOW then", "if false then"),
        ("a late timer ends another state", "or status ~= expected or", "or"),
    ),
    *of(
        "hand_back_node",
        ("an old task gives back a new attempt", "'hand_back_node', status) or state_of(x, node_id).attempt ~= attempt then", "'hand_back_node', status) then"),
        ("patience never ends", "if NOW - since >= tonumber(ARGV[8]) then", "if false then"),
    ),
    *of(
        "report_events",
        ("a fenced attempt writes history", "if not x or not is_current(x, node_id, attempt, ARGV[5])", "if not x"),
        ("a line sent again is written again", "if number > newest then", "if true then"),
    ),
    *of("stamp_tick", ("an outage expires leases", "hold = NOW + tonumber(ARGV[3])", "hold = 0")),
)  # fmt: skip
WHOLE = (
    *of(
        "create_execution",
        ("one id is created twice", "if purge.is_made(execution_id) then", "if false then"),
        ("a request made again makes another execution", "  if known then", "  if false then"),
        ("a key serves another request", "hash == ARGV[6] and 'replayed' or 'conflict'", "'replayed'"),
        ("a key is taken from what runs", "if holder and is_live(holder) then", "if false then"),
        ("an ended execution keeps its key", "if holder and is_live(holder) then", "if holder then"),
        ("a key names nothing", "if name ~= '' then redis.call('SET', rare_key.execution_key(tenant, name), execution_id) end", ""),
        ("who used another is told something else a day later", "    remember(holder .. ' ' .. execution_id)\n", ""),
        ("what lost its key goes on", "left = x and replace_execution(x, execution_id) and holder", "left = nil"),
        ("what lost its key is left half-way", "left = x and replace_execution(x, execution_id) and holder", "left = x and replace_execution(x, execution_id) and nil"),
    ),
    *of(
        "start_execution",
        ("another trigger document is ignored", "if ARGV[4] ~= '' and (trigger or BY_HAND) ~= ARGV[4] then", "if false then"),
        ("an execution starts twice", "if not may_leave('execution', 'start_execution', status) then", "if false then"),
    ),
    *of("include/start", ("there is no deadline", "if timeout_ms > 0 then", "if false then")),
    *of(
        "cancel_execution",
        ("an ended execution is cancelled", "if not may_leave('execution', 'cancel_execution', status) then", "if false then"),
        ("a grace grows", "if NOW + ARGV[4] >= tonumber(grace_ms or 0) then", "if false then"),
        ("a grace is never made shorter", "if NOW + ARGV[4] >= tonumber(grace_ms or 0) then", "if true then"),
    ),
    *of("enforce_cancel", ("the grace is cut short", "if tonumber(grace_ms) > NOW then", "if false then")),
    *of(
        "time_out_execution",
        ("a deadline strikes early", "if not x.deadline_ms or x.deadline_ms > NOW then", "if false then"),
        ("a deadline overrules a cancel", "if x.cancelling ~= 'user' then", "if true then"),
    ),
    *of(
        "retry_execution",
        ("one retry is accepted twice", "if x.generation ~= ARGV[3] then", "if false then"),
        ("a slice sent again is listed twice", "if is_ours and redis.call('LLEN', list) == position + 1 then", "if is_ours then"),
        ("another choice is added to the list", "redis.call('LINDEX', list, 0) ~= choice then", "redis.call('EXISTS', list) == 0 then"),
        ("failures that stay are forgotten", "tonumber(ARGV[8])", "0"),
    ),
    *of("continue_execution", ("a timer without turns stays", "redis.call('ZREM', timers_key(),", "redis.call('ZSCORE', timers_key(),")),
    *of(
        "repair_execution",
        ("a stale plan is carried out", "if tostring(x.seq) ~= ARGV[3] or not", "if not"),
        ("an ended execution is repaired", " or not may_leave('execution', 'cancel_execution', redis.call('GET', status_key(x.id))) then", " then"),
        ("a lost timer is not set again", "  redis.call('ZADD', timers_key(), 'NX', due_ms, timer_member(kind, x.id, id, attempt))", ""),
        ("a lost lease is not set again", "redis.call('ZADD', leases_key(), 'NX', 0, lease_member(x.id, id, attempt))", ""),
        ("a lost task is not written again", "    queue_node(x, id, 'QUEUED', facts, '{\"cause\":\"repair\"}', true)", ""),
        ("counters are not corrected", "  set_counters(x, id, ok, bad, skip, gates, not_taken)", ""),
    ),
)  # fmt: skip

MUTANTS: tuple[Mutant, ...] = (
    *ATTEMPT, *BASE, *STATE, *WRITES, *TOGETHER, *FAULTS, *HANDING_OVER, *CLAIM, *REPLIES, *NODES, *SETTLE, *ENDS, *KEEPERS,
    *WHOLE, *PURGES, *RETENTION, *LAYOUTS, *FEATURES, *TENANTS, *WEBHOOKS, *DELIVERIES, *SCHEDULES,
    *JOURNALS,
)  # fmt: skip

# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts, one text replacement each; the tests must notice them.

A replacement names its place so closely that it fits exactly once: when a script changes, its mutants change with it.
Mistakes that a second guard makes harmless are left out; the fence, for one, holds by attempt, nonce and status.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """file is a path below `lua/` without its ending."""

    name: str
    file: str
    old: str
    new: str = ""


def _of(file: str, *rows: tuple[str, str, str]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, file, old, new) for name, old, new in rows)


ATTEMPT = _of(
    "include/attempt",
    ("any claim may end the attempt", " or x.fields[2] ~= nonce then", " then"),
    ("a call sent again is refused", "if x.fields[3] == nonce then return nil, 'dup' end", ""),
    (
        "the lease outlives the attempt",
        "redis.call('ZREM', leases_key(), lease_member(x.id, node_id, attempt))",
        "",
    ),
    ("the time limit outlives the attempt", "if plan.start_to_close_ms > 0 then", "if false then"),
    ("the task outlives the attempt", "drop_message(plan.queue, x.fields[5])", ""),
    ("the end of an attempt is not remembered", "note(x, 'finished|' .. node_id, nonce)", ""),
)
BASE = _of(
    "include/base",
    ("event ids have gaps", "x.seq = x.seq + 1\n", "x.seq = x.seq + 2\n"),
    ("a lost event counter repeats an id", "[1][1], '^%d+')) + 1", "[1][1], '^%d+'))"),
    ("a lost count counts as none left", "local UNCOUNTED = -1000000000", "local UNCOUNTED = 0"),
    ("a task is deleted unacknowledged", "redis.call('XACK', stream, GROUP, message_id)", ""),
    ("a task is acknowledged and kept", "redis.call('XDEL', stream, message_id)", ""),
    ("nodes left are not written back", "note(x, 'left', string.format('%d', x.left))", ""),
    ("failures are not written back", "note(x, 'failed', string.format('%d', x.failed))", ""),
    ("the newest event is not written back", "note(x, 'seq', string.format('%d', x.seq))", ""),
)
CLAIM = _of(
    "include/claim",
    ("an old task claims a new attempt", "if attempt ~= current or not (", "if not ("),
    ("a running attempt is given to a second worker", "if holder ~= nonce then", "if false then"),
    (
        "a claim takes no lease",
        "redis.call('ZADD', leases_key(), NOW + lease_ms, lease_member(execution_id, node_id, attempt))",
        "",
    ),
    ("a claim leaves the node QUEUED", "move(x, node_id, 'RUNNING')", ""),
    ("a try is not charged", "(tonumber(tries) or 0) + 1", "(tonumber(tries) or 0)"),
    ("a cancelling execution still starts nodes", "if x.cancelling then return {'cancelling'} end", ""),
    ("the waiting time goes on after the claim", "if plan.schedule_to_start_ms > 0 then", "if false then"),
    ("no time limit is set", "if plan.start_to_close_ms > 0 then", "if false then"),
    ("claims sent again are made again", "if last and string.sub(", "if false and string.sub("),
    ("more is claimed than there are slots", "'COUNT', count - #replies", "'COUNT', count + 1"),
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
SETTLE = _of(
    "include/settle",
    ("an end is not counted", "x.left = x.left - 1", "x.left = x.left"),
    ("an upstream failure counts as a skip", "status == 'FAILED' or reason == 'upstream_failed'", "status == 'FAILED'"),
    ("successors are not told", "if status ~= 'CANCELLED' then push(", "if false then push("),
    ("a cancelled wait keeps its timer", "if on and on ~= 'map' then", "if false then"),
    ("an attempt number is used twice", "'HINCRBY', x.runtime, 'attempt|' .. node_id, 1)", "'HINCRBY', x.runtime, 'attempt|' .. node_id, 0)"),
    ("nothing limits the wait for a worker", "redis.call('ZADD', timers_key(), since + plan.schedule_to_start_ms,", "redis.call('ZSCORE', timers_key(),"),
    ("a cancelling execution parks nodes", "event, data)\n  if x.cancelling then", "event, data)\n  if false then"),
    ("a parked node has no timer", "redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, node_id, attempt))", ""),
    ("a handled failure counts", "local is_handled = taker or (plan.goes_on and not is_item)", "local is_handled = taker"),
    ("nobody takes over from a failed node", "(id == taker and 'ok' or outcome)", "outcome"),
    ("a catch fits every error", "if string.match(kind, lua_pattern) then return target end", "return target"),
    ("who takes over runs after a success", "(mark == '!' and outcome == 'ok')", "false"),
    ("a critical failure is not counted", "x.failed = x.failed + 1", ""),
    ("fail_fast cancels nothing", "push(x, 'cancel 0')", ""),
    ("a node is decided twice", "~= 'PENDING' then return end", "== 'COMPLETED' then return end"),
    ("a branch is decided before its condition", "elseif plan.gates > tonumber(values[5] or 0) then", "elseif false then"),
    ("the branch not taken runs", "elseif values[6] == '1' then", "elseif false then"),
    ("a condition opens no gate", "redis.call('HINCRBY', x.runtime, 'gates|' .. id, 1)", ""),
    ("only the first hundred successors are told", "if count >= CHUNK then push(x, outcome", "if count > CHUNK then push(x, outcome"),
    ("only the first hundred roots start", "if count and count >= CHUNK then push(x, 'start '", "if count and count > CHUNK then push(x, 'start '"),
    ("only the first hundred nodes are cancelled", "if count and count >= CHUNK then push(x, word", "if count and count > CHUNK then push(x, word"),
    ("a cancel kills what runs at once", "(word == 'kill' or status ~= 'RUNNING')", "true"),
    ("the end of the grace spares what runs", "(word == 'kill' or status ~= 'RUNNING')", "status ~= 'RUNNING'"),
    ("a failed execution ends COMPLETED", "x.cancelling == 'timeout' or x.failed > 0", "x.cancelling == 'timeout'"),
    ("a cancelled execution ends COMPLETED", "if x.cancelling == 'user' then", "if false then"),
    ("an ended execution stays active", "redis.call('SREM', active_key(), x.id)", ""),
    ("an ended execution keeps its deadline", "if x.deadline_ms then redis.call('ZREM'", "if false then redis.call('ZREM'"),
    ("the end comes before the saved turns", "if x.left == 0 and not x.is_listed then", "if x.left == 0 then"),
    ("the rest of the turns is forgotten", "for i = x.head, x.tail do redis.call('RPUSH'", "for i = x.head, x.tail - 1 do redis.call('RPUSH'"),
    ("nothing comes back to saved turns", "if x.is_listed then redis.call('ZADD', timers_key(), NOW, member)", "if x.is_listed then redis.call('ZSCORE', timers_key(), member)"),
    ("a retry keeps the tries", "'tries|' .. id, 0, ", ""),
)  # fmt: skip
ENDS = (
    *_of(
        "complete_node",
        ("the output is not stored", "put_output(x, node_id, ARGV[13])", ""),
        ("the branch is not remembered", "if ARGV[14] ~= '' then", "if false then"),
    ),
    *_of("release_node", ("a drain is charged", "redis.call('HINCRBY', x.runtime, 'tries|' .. ARGV[3], -1)", "")),
    *_of("wait_node", ("the output kept aside is lost", "redis.call('HSET', x.runtime, 'kept|' .. node_id, ARGV[16])", "")),
    *_of("cancel_node", ("a node is cancelled though nobody asked", "return answer('uncalled', 0)", "")),
    *_of("retry_node", ("a back-off takes no time", "NOW + tonumber(ARGV[14])", "NOW")),
    *_of("skip_node", ("a skip forgets its reason", "'SKIPPED', ARGV[13]", "'SKIPPED', 'upstream_failed'")),
)  # fmt: skip
KEEPERS = (
    *_of(
        "reap_node",
        ("a living lease is taken", "if deadline_ms and deadline_ms > NOW then", "if false then"),
        ("a lost worker is charged to the node", "redis.call('HINCRBY', x.runtime, 'tries|' .. node_id, -1)", ""),
        ("poison has no end", "if crashes > tonumber(ARGV[5])", "if crashes > 1000 + tonumber(ARGV[5])"),
        ("an old lease ends a new attempt", "not may_leave('node', 'reap_node', status) or x.fields[1] ~= attempt", "not may_leave('node', 'reap_node', status)"),
    ),
    *_of(
        "renew_leases",
        ("a renewed lease has run out already", "NOW + ARGV[3], lease_member", "NOW, lease_member"),
        ("nobody is told of a cancel", "and 'cancel' or 'ok'", "and 'ok' or 'ok'"),
    ),
    *_of(
        "wake_node",
        ("a timer fires early", "if tonumber(x.fields[4] or 0) > NOW then", "if false then"),
        ("a delay ends without output", "put_output(x, node_id, x.fields[5] or 'null')", ""),
        ("a stale timer stays", "  redis.call('ZREM', timers_key(), member)\n  return {'stale', 0}", "  return {'stale', 0}"),
    ),
    *_of(
        "time_out_node",
        ("a time limit strikes early", "if due_ms and due_ms > NOW then", "if false then"),
        ("a late timer ends another state", "or status ~= expected or", "or"),
    ),
    *_of(
        "hand_back_node",
        ("an old task gives back a new attempt", "'hand_back_node', status) or x.fields[1] ~= attempt then", "'hand_back_node', status) then"),
        ("patience never ends", "if NOW - since >= tonumber(ARGV[8]) then", "if false then"),
    ),
    *_of(
        "report_events",
        ("a fenced attempt writes history", "if not x or x.fields[1] ~= attempt or x.fields[2] ~= ARGV[5]", "if not x"),
        ("a line sent again is written again", "if number > newest then", "if true then"),
    ),
    *_of("stamp_tick", ("an outage expires leases", "hold = NOW + tonumber(ARGV[3])", "hold = 0")),
)  # fmt: skip
WHOLE = (
    *_of(
        "create_execution",
        ("one id is created twice", "if redis.call('EXISTS', status_key(execution_id)) == 1 then", "if false then"),
        ("a request made again makes another execution", "  if known then", "  if false then"),
        ("a key serves another request", "hash == ARGV[6] and 'replayed' or 'conflict'", "'replayed'"),
        ("a new execution is not listed", "redis.call('ZADD', index_key(tenant), NOW, execution_id)", ""),
    ),
    *_of(
        "start_execution",
        ("an execution starts twice", "if not may_leave('execution', 'start_execution', status) then", "if false then"),
    ),
    *_of("include/start", ("there is no deadline", "if timeout_ms > 0 then", "if false then")),
    *_of(
        "cancel_execution",
        ("a grace never ends", "redis.call('ZADD', timers_key(), NOW + grace_ms,", "redis.call('ZSCORE', timers_key(),"),
        ("an ended execution is cancelled", "if not may_leave('execution', 'cancel_execution', status) then", "if false then"),
    ),
    *_of("enforce_cancel", ("the grace is cut short", "if tonumber(x.fields[1]) > NOW then", "if false then")),
    *_of(
        "time_out_execution",
        ("a deadline strikes early", "if not x.deadline_ms or x.deadline_ms > NOW then", "if false then"),
        ("a deadline overrules a cancel", "if x.cancelling ~= 'user' then", "if true then"),
    ),
    *_of(
        "retry_execution",
        ("one retry is accepted twice", "if x.generation ~= ARGV[3] then", "if false then"),
        ("a slice sent again is listed twice", "if redis.call('LLEN', list) == position then", "if true then"),
    ),
    *_of("continue_execution", ("a timer without turns stays", "redis.call('ZREM', timers_key(),", "redis.call('ZSCORE', timers_key(),")),
    *_of("purge_staging", ("a visible execution is purged", "if redis.call('EXISTS', status_key(ARGV[2])) == 1 then", "if false then")),
    *_of("stage_execution", ("a staged slice is forgotten", "redis.call('ZADD', staging_key(), 'NX', NOW, ARGV[2])", "")),
    *_of(
        "repair_execution",
        ("a stale plan is carried out", "if tostring(x.seq) ~= ARGV[3] or not", "if not"),
        ("an ended execution is repaired", " or not may_leave('execution', 'cancel_execution', redis.call('GET', status_key(x.id))) then", " then"),
        ("a lost timer is not set again", "  redis.call('ZADD', timers_key(), 'NX', due_ms, timer_member(kind, x.id, id, attempt))", ""),
        ("a lost lease is not set again", "redis.call('ZADD', leases_key(), 'NX', 0, lease_member(x.id, id, attempt))", ""),
        ("a lost task is not written again", "    queue_node(x, id, 'QUEUED', plan, '{\"cause\":\"repair\"}', true)", ""),
        ("counters are not corrected", "redis.call('HSET', x.runtime, 'ok|' .. id, ok, ", "redis.call('HSET', x.runtime, "),
    ),
)  # fmt: skip

PAID = (
    *_of(
        "include/budget",
        ("what others hold counts for nothing", "if cap and used + held + want > cap then", "if cap and used + want > cap then"),
        ("what is used counts for nothing", "local used, held = tonumber(each[4] or 0), tonumber(each[5] or 0)", "local used, held = 0, tonumber(each[5] or 0)"),
        ("what is only held counts as used up", "if used + want > cap then return", "if true then return"),
        ("what is forgotten is held for ever", "        write_off(members[i + j - 1])", ""),
        ("a worker that lives loses what it holds", "if not deadline and done < WRITTEN_OFF then", "if done < WRITTEN_OFF then"),
        ("any number is written off at once", "if not deadline and done < WRITTEN_OFF then", "if not deadline then"),
        ("tokens are never given back", "  set_aside(scope, string.format('%d', -tokens), nanos == '' and 0 or string.format('%d', -nanos))", ""),
        ("what was written off is given back", "  if tonumber(since) == 0 then return true end", ""),
        ("a lost call costs nothing", "    count_lost(scope, unit, tokens, nanos, '')\n  end\n  redis.call('ZADD', held, 0, member)", "  end\n  redis.call('ZADD', held, 0, member)"),
        ("a call is lost twice", "  if tonumber(redis.call('ZSCORE', held, member) or 0) == 0 then return end", ""),
        ("a lost call is forgotten", "  redis.call('ZADD', held, 0, member)", ""),
        ("a day forgets with its execution", "if redis.call('ZSCORE', scope.held, members[i + j - 1]) and scope.is_daily then", "if false then"),
        ("a new limit takes the other away", "nanos ~= '-' and nanos or old_nanos", "nanos"),
        ("an item counts for itself only", "  count_for_unit(scope.used, node, added)", ""),
        ("a budget never pauses", "  return string.find(error, '{\"type\":\"BudgetExceeded\"', 1, true) == 1\n", "  return false\n"),
        ("all definitions share one day", "usage_of_key(tenant, day, name)", "usage_of_key(tenant, day, '')"),
    ),
    *_of(
        "reserve_budget",
        ("a reservation is not kept", "    set_aside(scope, ARGV[7], nanos and ARGV[8] or 0)", ""),
        ("an attempt hides what the one before forgot", "then write_off(x.fields[6]) end", "then end"),
        ("without a limit nothing is kept", "if is_limited or scope.word == 'execution' then", "if is_limited then"),
        ("a call sent again reserves twice", "if redis.call('ZADD', scope.held, 'NX', NOW, member) == 1 then", "if redis.call('ZADD', scope.held, NOW, member) then"),
        ("an unknown price is free", "if scope.nanos and not nanos then", "if false then"),
    ),
    *_of(
        "settle_budget",
        ("a call is counted twice", "if tonumber(number) <= tonumber(x.fields[1] or 0) then", "if false then"),
        ("a settled call goes on holding", "was_lost = let_go(scope, member) or was_lost", ""),
        ("a call is settled on another day", "local node_id, attempt, number, day = ARGV[3], ARGV[4], ARGV[5], ARGV[8]", "local node_id, attempt, number, day = ARGV[3], ARGV[4], ARGV[5], today()"),
        ("a late call is counted twice", "  if was_lost then count_lost(scope, node_id, ARGV[6], ARGV[7], '-') end", ""),
        ("a lost call counts nothing", "  write_off(member)\n  return 'ok'", "  return 'ok'"),
    ),
    *_of(
        "report_events",
        ("a long stream fills the history", "if tokens <= tokens_allowed then", "if true then"),
        ("half a stream stays", "        reset('{\"reason\":\"capped\"}')", ""),
        ("a reset is said without a stream", "if is_streamed then record(x, 'stream.reset'", "if true then record(x, 'stream.reset'"),
    ),
    *_of(
        "include/settle",
        ("a call is lost with its lease", "    write_off_attempt(x, node_id)", ""),
    ),
    *_of(
        "include/claim",
        ("an old stream is not taken back", "if attempt ~= '1' then reset_stream(x, node_id, attempt) end", ""),
        ("a stream is taken back again and again", "  redis.call('HDEL', x.runtime, 'streamed|' .. node_id)\n", ""),
    ),
)  # fmt: skip

INTERVENTIONS = (
    *_of(
        "include/pause",
        ("what is held is not listed", "  redis.call('RPUSH', held_units_key(x.id), unit)", ""),
        ("what is held is listed again and again", "if redis.call('HGET', x.runtime, 'held|' .. unit) == x.paused then return end", ""),
        ("a held node keeps its status", "  move(x, unit, 'PENDING')", ""),
        ("a paused execution says RUNNING", "redis.call('SET', status_key(x.id), 'PAUSED')", ""),
        ("an ended execution stays paused", "  redis.call('HDEL', x.runtime, 'paused', 'paused_by', 'paused_reason', 'paused_ms')", ""),
        ("a node that asks pauses nothing", "if not x.paused then begin_pause(", "if false then begin_pause("),
        ("a node that asks is not tried again", "  hold(x, node_id)\nend", "end"),
        ("a request is forgotten at once", "  redis.call('HSET', x.runtime, field, calls)", ""),
    ),
    *_of(
        "include/settle",
        ("a paused execution queues nodes", "  if x.paused then return hold_node(x, node_id, data) end", ""),
        ("nobody is asked", "if why and not taker", "if false and not taker"),
        ("an operator who fails a node is asked", " and reason ~= 'operator' then", " then"),
        ("an ended execution holds nodes", "  if x.paused then end_pause(x) end", ""),
    ),
    *_of(
        "include/resume",
        ("the last to be held is first", "redis.call('LPOP', held_units_key(x.id))", "redis.call('RPOP', held_units_key(x.id))"),
        ("only the first hundred go on", "if left > 0 then push(", "if false then push("),
        ("an operator is asked once", "'tries|' .. unit, 0, 'crashes|' .. unit, 0)", "'crashes|' .. unit, 0)"),
        ("a map forgets its items", "redis.call('HSET', x.runtime, 'resume|' .. unit, '{\"again\":true}')", ""),
        ("a held timer is lost", "redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, unit, attempt or '0'))", ""),
        ("a map stays where it was", "push(x, 'items ' .. unit)", ""),
        ("a wait for a handler goes on while paused", "if on == 'worker' then redis", "if false then redis"),
    ),
    *_of("include/items", ("a paused map starts items", "  if x.paused then\n    hold(x, node_id)\n    return 1\n  end", "")),
    *_of("include/claim", ("a paused execution runs nodes", "  if x.paused then\n    detach(", "  if false then\n    detach(")),
    *_of(
        "pause_execution",
        ("what has ended is paused", "if not may_leave('execution', 'pause_execution', status) then", "if false then"),
        ("what is being cancelled is paused", "if x.cancelling then return {'cancelling', status} end", ""),
        ("saved turns are paused over", "if x.is_listed then return {'busy', status} end", ""),
        ("a pause sent late pauses again", "if is_known_call(x.fields[1], ARGV[5]) or status", "if status"),
    ),
    *_of(
        "resume_execution",
        ("a resumed execution holds on", "redis.call('HSET', x.runtime, 'paused', '')", ""),
        ("what was held is forgotten", "if count > 0 then push(", "if false then push("),
        ("what is being cancelled is resumed", "if x.cancelling then return {'cancelling', status, 0} end", ""),
        ("a resumed execution says PAUSED", "redis.call('SET', status_key(x.id), 'RUNNING')", ""),
    ),
    *_of(
        "include/by_hand",
        ("an operator ends what has ended", "if not may_leave('node', verb, status) then", "if false then"),
        ("an operator ends another attempt", "if ARGV[4] ~= '' and ARGV[4] ~= attempt then", "if false then"),
        ("an operator's key serves another request", "if hash ~= ARGV[6] then", "if false then"),
        ("a request is carried out twice", "  if hash then\n", "  if false then\n"),
        ("a node is ended while it is reset", "if x.is_listed then return nil,", "if false then return nil,"),
        ("a mapped node ends over its items", "if status == 'WAITING' and on == 'map' then", "if false then"),
        ("an operator acts on what has ended", "if not is_under_way(whole) then", "if false then"),
    ),
    *_of(
        "override_node",
        ("what runs is not fenced", "it.attempt + 1, 'nonce|' .. unit, '')", "it.attempt)"),
        ("what kept the node alive stays", "detach(x, unit, it.status, it.attempt, it.plan)", ""),
        ("an output by hand is not stored", "  put_output(x, unit, ARGV[10])", ""),
        ("a branch by hand is not remembered", "if ARGV[11] ~= '' then", "if false then"),
    ),
    *_of(
        "hurry_node",
        ("a hurry keeps the timer", "detach(x, unit, 'WAITING', it.attempt, it.plan)", ""),
        ("a hurried delay has no output", "  put_output(x, unit, redis.call('HGET', x.runtime, 'kept|' .. unit) or 'null')", ""),
        ("a wait for people is hurried", "if on == 'signal' or on == 'approval' or not on then", "if not on then"),
        ("who asked is not given new tries", "if on == 'operator' then begin_anew(", "if false then begin_anew("),
    ),
    *_of("wake_node", ("a timer fires while paused", "if x.paused and not x.cancelling then", "if false then")),
    *_of("time_out_node", ("a worker is waited for while paused", "if x.paused and status == 'QUEUED' and not x.cancelling then", "if false then")),
    *_of("hand_back_node", ("a handler is waited for while paused", "if x.paused and not x.cancelling then", "if false then")),
    *_of(
        "repair_execution",
        ("what is not held stays so", "if not redis.call('LPOS', held_units_key(x.id), id) then", "if false then"),
        ("what a resume lost stays lost", "  release_unit(x, id, parse_plan(values[1]), unpack(values, 2, 4))", ""),
    ),
)  # fmt: skip

MUTANTS = (*ATTEMPT, *BASE, *CLAIM, *SETTLE, *ENDS, *KEEPERS, *WHOLE, *PAID, *INTERVENTIONS)

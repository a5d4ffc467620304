# ruff: noqa: E501 - a table: one row, one line
"""Deliberate mistakes in the scripts of budgets, maps, people's interventions, and limits; see mutants.py."""

from __future__ import annotations

from tests.mutation.children_mutants import CHILDREN
from tests.mutation.mutant import of

PAID = (
    *of(
        "include/budget",
        ("what others hold counts for nothing", "if cap and used + held + want > cap then", "if cap and used + want > cap then"),
        ("what is used counts for nothing", "local used, held = tonumber(each[4] or 0), tonumber(each[5] or 0)", "local used, held = 0, tonumber(each[5] or 0)"),
        ("what is only held counts as used up", "if used + want > cap then return", "if true then return"),
        ("a lost worker keeps what it held", "if not deadline then let_go(scope, members[i + j - 1]) end", ""),
        ("a worker that lives loses what it holds", "if not deadline then let_go(", "if true then let_go("),
        ("tokens are never given back", "redis.call('HINCRBY', scope.used, 'held_tokens', string.format('%d', -tokens))", ""),
        ("what is gone is given back", "if redis.call('ZREM', scope.held, member) == 0 then return false end", "redis.call('ZREM', scope.held, member)"),
        ("all definitions share one day", "usage_of_key(tenant, day, name)", "usage_of_key(tenant, day, '')"),
    ),
    *of(
        "reserve_budget",
        ("a reservation is not kept", "redis.call('HINCRBY', scope.used, 'held_tokens', ARGV[7])", ""),
        ("a call sent again reserves twice", "if redis.call('ZADD', scope.held, 'NX', NOW, member) == 1 then", "if redis.call('ZADD', scope.held, NOW, member) then"),
        ("an unknown price is free", "if scope.nanos and not nanos then", "if false then"),
    ),
    *of(
        "settle_budget",
        ("a call is counted twice", "if tonumber(number) <= tonumber(x.fields[1] or 0) then", "if false then"),
        ("a settled call goes on holding", "if ARGV[8] ~= '' then let_go(scope, member) end", ""),
        ("a call is settled on another day", "local day = ARGV[8] ~= '' and ARGV[8] or today()", "local day = today()"),
    ),
    *of(
        "report_events",
        ("a long stream fills the history", "if tokens <= tokens_allowed then", "if true then"),
        ("half a stream stays", "        reset('{\"reason\":\"capped\"}')", ""),
        ("a reset is said without a stream", "if is_streamed then record(x, 'stream.reset'", "if true then record(x, 'stream.reset'"),
    ),
    *of(
        "include/claim",
        ("an old stream is not taken back", "if attempt ~= '1' then reset_stream(x, node_id, attempt) end", ""),
        ("a stream is taken back again and again", "  redis.call('HDEL', x.runtime, 'streamed|' .. node_id)\n", ""),
    ),
)  # fmt: skip
MAPS = (
    *of(
        "include/items",
        ("items outnumber what is allowed", "next_index <= last and live + started < most do", "next_index <= last do"),
        ("a map ends while items run", "    if live == 0 then end_map(x, node_id, counts) end", "    end_map(x, node_id, counts)"),
        ("a map is never over", "    if live == 0 then end_map(x, node_id, counts) end", ""),
        ("a retry runs what completed", "if not status or status == 'FAILED' or status == 'CANCELLED' then", "if true then"),
        ("an item of a retry finds no patience", ", 'unoffered_ms|' .. unit, 'handed_back|' .. unit)", ")"),
        ("a retry leaves what was cancelled", "if not status or status == 'FAILED' or status == 'CANCELLED' then", "if not status or status == 'FAILED' then"),
        ("an item of a retry keeps its tries", "'tries|' .. unit, 0, ", ""),
        ("a lost count counts as no item live", "  if not values[3] or live < 0 then return 1 end", ""),
        ("what stops goes on", "(values[6] == '1' and counts[4] > counts[5])", "false"),
        ("it stops at what is tolerated", "counts[4] > counts[5])", "counts[4] >= counts[5])"),
        ("started items are not counted", "'live', live + started)", "'live', live)"),
        ("a halt kills what runs", "(word == 'kill' or status ~= 'RUNNING') then\n      cancel_node", "true then\n      cancel_node"),
        ("a halt cancels what completed", "if status ~= 'COMPLETED' and status ~= 'SKIPPED' then", "if true then"),
        ("what never started is left open", "if #never > 0 then", "if false then"),
        ("a halt forgets the rest of the items", "if last + 1 < total then", "if false then"),
        ("the next turn is forgotten", "if next_index > last and (next_index >= total or live + started < most) then push(", "if false then push("),
    ),
    *of(
        "include/unit",
        ("what runs when a map stops begins anew", "  return index ~= nil and redis.call('HGET', items_key(x.id, node_id), 'halted') == '1'", "  return false"),
        ("an item moves its node", "redis.call('HSET', items_key(x.id, node_id), 's' .. index, status)", "redis.call('SET', node_key(x.id, node_id), status)"),
        ("outputs of items are lost", "redis.call('HSET', items_key(x.id, node_id), 'o' .. index, output)", ""),
    ),
    *of(
        "map_node",
        ("a retry lists the items anew", "if ARGV[15] ~= '1' then", "if true then"),
        ("a retry counts old failures", "'next', 0, 'live', 0, 'FAILED', 0, ", "'next', 0, 'live', 0, "),
        ("a retry stays halted", ", 'halted', '0')", ")"),
        ("a cancelling execution lists items", "if x.cancelling then", "if false then"),
        ("nobody starts the items", "  push(x, 'items ' .. node_id)", ""),
    ),
    *of(
        "include/settle",
        ("the end of an item is not counted", "redis.call('HINCRBY', items_key(x.id, node), 'live', -1)", ""),
        ("the end of an item goes unnoticed", "    push(x, 'items ' .. node)", ""),
        ("a failed item fails the execution", "elseif plan.is_critical and not is_item then", "elseif plan.is_critical then"),
        ("a killed map spares its items", "(is_kill and ' kill 0' or ' cancel 0')", "' cancel 0'"),
        ("a cancelled map leaves its items", "if plan.map and status == 'WAITING' and is_on_items(x, node_id) then", "if false then"),
        ("a retry evaluates the list again", "'resume|' .. id, '{\"again\":true}'", "'again|' .. id, '1'"),
    ),
    *of("repair_execution", ("counts of items are not corrected", "'live', live, 'COMPLETED', completed, 'FAILED', failed, 'SKIPPED', skipped)", "'total', redis.call('HGET', items_key(x.id, id), 'total'))")),
)  # fmt: skip

INTERVENTIONS = (
    *of(
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
    *of(
        "include/settle",
        ("a paused execution queues nodes", "  if x.paused then return hold_node(x, node_id, data) end", ""),
        ("nobody is asked", "if plan.asks and not taker", "if false and not taker"),
        ("an operator who fails a node is asked", " and reason ~= 'operator' then", " then"),
        ("an ended execution holds nodes", "  if x.paused then end_pause(x) end", ""),
    ),
    *of(
        "include/resume",
        ("the last to be held is first", "redis.call('LPOP', held_units_key(x.id))", "redis.call('RPOP', held_units_key(x.id))"),
        ("only the first hundred go on", "if left > 0 then push(", "if false then push("),
        ("an operator is asked once", "'tries|' .. unit, 0, 'crashes|' .. unit, 0)", "'crashes|' .. unit, 0)"),
        ("a map forgets its items", "redis.call('HSET', x.runtime, 'resume|' .. unit, '{\"again\":true}')", ""),
        ("a held timer is lost", "redis.call('ZADD', timers_key(), due_ms, timer_member(on, x.id, unit, attempt or '0'))", ""),
        ("a map stays where it was", "push(x, 'items ' .. unit)", ""),
        ("a wait for a handler goes on while paused", "if on == 'worker' then redis", "if false then redis"),
    ),
    *of("include/items", ("a paused map starts items", "  if x.paused then\n    hold(x, node_id)\n    return 1\n  end", "")),
    *of("include/claim", ("a paused execution runs nodes", "  if x.paused then\n    detach(", "  if false then\n    detach(")),
    *of(
        "pause_execution",
        ("what has ended is paused", "if not may_leave('execution', 'pause_execution', status) then", "if false then"),
        ("what is being cancelled is paused", "if x.cancelling then return {'cancelling', status} end", ""),
        ("saved turns are paused over", "if x.is_listed then return {'busy', status} end", ""),
        ("a pause sent late pauses again", "if is_known_call(x.fields[1], ARGV[5]) or status", "if status"),
    ),
    *of(
        "resume_execution",
        ("a resumed execution holds on", "redis.call('HSET', x.runtime, 'paused', '')", ""),
        ("what was held is forgotten", "if count > 0 then push(", "if false then push("),
        ("what is being cancelled is resumed", "if x.cancelling then return {'cancelling', status, 0} end", ""),
        ("a resumed execution says PAUSED", "redis.call('SET', status_key(x.id), 'RUNNING')", ""),
    ),
    *of(
        "include/by_hand",
        ("an operator ends what has ended", "if not may_leave('node', verb, status) then", "if false then"),
        ("an operator ends another attempt", "if ARGV[4] ~= '' and ARGV[4] ~= attempt then", "if false then"),
        ("an operator's key serves another request", "if hash ~= ARGV[6] then", "if false then"),
        ("a request is carried out twice", "  if hash then\n", "  if false then\n"),
        ("a node is ended while it is reset", "if x.is_listed then return nil,", "if false then return nil,"),
        ("a mapped node ends over its items", "if status == 'WAITING' and on == 'map' then", "if false then"),
        ("an operator acts on what has ended", "if not is_under_way(whole) then", "if false then"),
    ),
    *of(
        "override_node",
        ("what runs is not fenced", "it.attempt + 1, 'nonce|' .. unit, '')", "it.attempt)"),
        ("what kept the node alive stays", "detach(x, unit, it.status, it.attempt, it.plan)", ""),
        ("an output by hand is not stored", "  put_output(x, unit, ARGV[10])", ""),
        ("a branch by hand is not remembered", "if ARGV[11] ~= '' then", "if false then"),
    ),
    *of(
        "hurry_node",
        ("a hurry keeps the timer", "detach(x, unit, 'WAITING', it.attempt, it.plan)", ""),
        ("a hurried delay has no output", "  put_output(x, unit, redis.call('HGET', x.runtime, 'kept|' .. unit) or 'null')", ""),
        ("a wait for people is hurried", "if on == 'signal' or on == 'approval' or on", "if on"),
        ("who asked is not given new tries", "if on == 'operator' then begin_anew(", "if false then begin_anew("),
    ),
    *of("wake_node", ("a timer fires while paused", "if x.paused and not x.cancelling then", "if false then")),
    *of("time_out_node", ("a worker is waited for while paused", "if x.paused and status == 'QUEUED' and not x.cancelling then", "if false then")),
    *of("hand_back_node", ("a handler is waited for while paused", "if x.paused and not x.cancelling then", "if false then")),
    *of(
        "repair_execution",
        ("nobody is asked again whose answer was lost", "  if not values[3] then\n", "  if false then\n"),
        ("what is not held stays so", "if not redis.call('LPOS', held_units_key(x.id), id) then", "if false then"),
        ("what a resume lost stays lost", "  release_unit(x, id, parse_plan(values[1]), unpack(values, 2, 4))", ""),
    ),
)  # fmt: skip
ANSWERS = (
    *of(
        "include/waits",
        ("nobody is listed as waiting", "  redis.call('HSET', signals_key(x.id), 'waits|' .. awaits, line .. entry)", ""),
        ("an approval is not listed", "    redis.call('ZADD', approvals_key(), 'NX', NOW, lease_member(x.id, node_id, attempt))", ""),
        ("a decided approval stays listed", "    redis.call('ZREM', approvals_key(), lease_member(x.id, node_id, attempt))", ""),
        ("who waits no more stays listed", "    line = string.sub(line, 1, from) .. string.sub(line, to + 1)", ""),
    ),
    *of(
        "include/answers",
        ("the newest signal kept is taken first", "string.match(queue, '^(%d+) ?(.*)$')", "string.match(queue, '(%d+)$'), ''"),
        ("a signal that was taken stays counted", "redis.call('HINCRBY', key, 'kept', -1)", ""),
        ("a kept signal arrives empty", "'{\"signal\":' .. (payload or 'null') .. '}'", "'{\"signal\":null}'"),
        ("an answer leaves the timer of its wait", "local function end_wait(x, node_id, attempt, on, output, data)\n  detach(x, node_id, 'WAITING', attempt)", "local function end_wait(x, node_id, attempt, on, output, data)"),
        ("an answer is not the output", "  put_output(x, node_id, output)\n  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, data)", "  end_node(x, node_id, 'COMPLETED', '', 'node.completed', attempt, data)"),
        ("whoever is late never fails", "if values[1] ~= 'complete' then", "if false then"),
        ("the branch of an answer is forgotten", "if others then redis.call('HSET', x.runtime, 'rejects|' .. node_id, others) end", ""),
        ("the branch of a time limit is forgotten", "if values[3] then redis.call('HSET', x.runtime, 'rejects|' .. node_id, values[3]) end", ""),
    ),
    *of(
        "await_node",
        ("a signal kept is passed over", "elseif on == 'signal' and take_kept(x, node_id, 'RUNNING', plan, awaits) then", "elseif false then"),
        ("a wait has no time limit", "if ARGV[16] ~= '' then", "if false then"),
        ("any number may wait for one name", "elseif waiting >= MOST_WAITING then", "elseif false then"),
        ("a kept signal costs a try", "redis.call('HINCRBY', x.runtime, 'tries|' .. node_id, -1)", ""),
        ("what is ending begins to wait for an answer", "if is_ending(x, node_id) then", "if false then"),
    ),
    *of(
        "signal_execution",
        ("a signal sent again is another", "if known[1] then", "if false then"),
        ("an ended execution takes signals", "if not may_leave('execution', 'cancel_execution', status) then return {'terminal', status, 0, 0} end", ""),
        ("one whom nobody checked is answered", "if (known[2] or '') ~= ARGV[8] then return {'moved', status, 0, 0} end", ""),
        ("signals are kept without end", "if #waiting == 0 and tonumber(known[3] or 0) >= MOST_KEPT then", "if false then"),
    ),
    *of(
        "decide_approval",
        ("what was changed is approved", "if shown ~= ARGV[4] then", "if false then"),
        ("one person makes a quorum", "if string.find(voters, ';' .. ARGV[7] .. ' ', 1, true) then", "if false then"),
        ("a denial waits for the others", "(ARGV[5] == 'deny' or given >= quorum)", "given >= quorum"),
        ("one approval is enough", "(ARGV[5] == 'deny' or given >= quorum)", "true"),
        ("a decision sent again is another", "if hash then", "if false then"),
        ("a second decision wins", "if status == 'COMPLETED' then return {'over', 0, output, given, 0} end", ""),
    ),
)  # fmt: skip

LIMITS = (
    *of(
        "expire_node",
        ("a node's time is up early", "if close_ms > NOW then", "if false then"),
        ("a timer of an old generation strikes", " or x.generation ~= ARGV[4] then", " then"),
        ("what has ended is ended again", "not close_ms or not may_leave('node', 'expire_node', status) or", "not close_ms or"),
        ("what kept a node alive outlives its time", "detach(x, node_id, status, attempt, plan)", ""),
        ("the last error is not told", "plan, 'did not end within', last)", "plan, 'did not end within', nil)"),
    ),
    *of(
        "include/limits",
        ("each attempt has its own time", "redis.call('HSETNX', x.runtime, 'close_ms|' .. unit, due_ms) == 1", "redis.call('HSET', x.runtime, 'close_ms|' .. unit, due_ms) >= 0"),
        ("a mapped node is bounded by itself", "if plan.map and not string.find(unit, '[', 1, true) then return end", ""),
        ("a time limit outlives its node", "if string.find(x.features, 'closes', 1, true) then", "if false then"),
    ),
    *of(
        "include/output",
        ("an output is never rendered", "if not x.features or not string.find(x.features, 'output', 1, true) then", "if true then"),
        ("what failed has an output", "if x.cancelling or x.failed > 0 then return false end", "if x.cancelling then return false end"),
        ("what is cancelled has an output", "if x.cancelling or x.failed > 0 then return false end", "if x.failed > 0 then return false end"),
        ("an output is rendered for ever", "if status == 'COMPLETED' or status == 'FAILED' then return false end", "if status == 'FAILED' then return false end"),
        ("an output does not count as left", "x.left = x.left + 1", ""),
        ("an old output outlives a retry", "redis.call('DEL', node_key(x.id, OUTPUT), output_key(x.id, OUTPUT))", ""),
    ),
    *of(
        "include/retries",
        ("rules forget what they counted", "if counts ~= '' then", "if false then"),
        ("a back-off takes no time", "NOW + tonumber(delay_ms)", "NOW"),
        ("a retry may come too late", "if close_ms and due_ms >= close_ms", "if close_ms and due_ms > close_ms + 60000"),
        ("a retry too late by nothing", "due_ms >= close_ms", "due_ms > close_ms"),
    ),
)  # fmt: skip

FEATURES = (*PAID, *MAPS, *CHILDREN, *INTERVENTIONS, *ANSWERS, *LIMITS)

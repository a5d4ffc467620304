-- attempt: the shared beginning and end of every verb that ends a running attempt.
-- ARGV: 3 node id, 4 attempt, 5 nonce; then how many further tasks to claim in the same call:
--       6 count (0: none), 7 request id, 8 worker id, 9 consumer, 10 lease ms, 11 queues, 12 handlers offered, space
--       separated with a space at either end, 13 attempts the worker runs beside those that end now; 14 … the verb's own.
-- Reply: {word, more, claims}  word: ok; dup, the same call was answered before; fenced, a newer attempt or another
--        claim owns the node and nothing was changed; gone, the execution is no more.

local function answer(word, more)
  local count = tonumber(ARGV[6])
  if count == 0 then return {word, more, {}} end
  return {word, more, claim_next(count, ARGV[7], ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11], ARGV[12], tonumber(ARGV[13]))}
end

-- Checks status, attempt and nonce, then takes lease, timers and message away. Returns x and the node's facts, or nil
-- and the word to answer. Where tasks are claimed in the same call, those of direct successors wait for its end.
local function leave_attempt(verb)
  local node_id, attempt, nonce = ARGV[3], ARGV[4], ARGV[5]
  local x = open(ARGV[2], 'attempt|' .. node_id, 'nonce|' .. node_id, 'finished|' .. node_id, 'node|' .. item_of(node_id),
    'message|' .. node_id)
  if not x or not x.fields[4] then return nil, 'gone' end
  if x.fields[3] == nonce then return nil, 'dup' end
  local status = status_of(x.id, node_id)
  if not may_leave('node', verb, status) or x.fields[1] ~= attempt or x.fields[2] ~= nonce then return nil, 'fenced' end
  if ARGV[6] ~= '0' then READY = READY or {} end
  local facts = parse_facts(x.fields[4])
  free_lease(lease_member(x.id, node_id, attempt))
  if facts.start_to_close_ms > 0 then
    redis.call('ZREM', timers_key(), timer_member('start_to_close', x.id, node_id, attempt))
  end
  drop_message(facts.queue, x.fields[5])
  note(x, 'finished|' .. node_id, nonce)
  return x, facts
end

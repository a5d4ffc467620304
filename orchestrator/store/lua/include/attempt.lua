-- attempt: the shared beginning and end of every verb that ends a running attempt.
-- ARGV: 3 node id, 4 attempt, 5 nonce; then how many further tasks to claim in the same call:
--       6 count (0: none), 7 request id, 8 worker id, 9 consumer, 10 lease ms, 11 queues, 12 handlers offered, space
--       separated with a space at either end, 13 attempts the worker runs beside those that end now; 14 … the verb's own.
-- Reply: word; where tasks were to be claimed, a list of it and of what was claimed, see include/claim.lua.
--        word: ok; dup, the same call was answered before; fenced, a newer attempt or another claim owns the node and nothing
--        was changed; gone, the execution is no more; with a + behind it where the execution has turns left.

-- Any word but ok may mean that the call has been made before. may_be_again: so may ok.
local function answer(word, more, may_be_again)
  local text = more == 1 and word .. '+' or word
  if ARGV[6] == '0' then return text end
  return claim_next(text, open(ARGV[2]), word ~= 'ok' or may_be_again, tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9],
    tonumber(ARGV[10]), ARGV[11], ARGV[12], tonumber(ARGV[13]))
end

-- What the end of an attempt looks at.
local ENDING = {'r|', 'node|', 'next|'}

-- Checks attempt and nonce, then takes lease, timers and message away. Returns x and the node's facts, or nil
-- and the word to answer. Where tasks are claimed in the same call, those of direct successors wait for its end.
local function leave_attempt()
  local unit, attempt, nonce = ARGV[3], ARGV[4], ARGV[5]
  local x = open(ARGV[2], {unit}, ENDING)
  local facts = x and facts_of(x, unit)
  if not facts then return nil, 'gone' end
  local state = state_of(x, unit)
  if state.nonce == ENDED .. nonce then return nil, 'dup' end
  -- A record with a nonce is that of an attempt that runs: whatever ends one takes its nonce away.
  if state.nonce ~= nonce or state.attempt ~= attempt then return nil, 'fenced' end
  if ARGV[6] ~= '0' then READY = READY or {} end
  free_lease(lease_member(x.id, unit, attempt))
  if facts.start_to_close_ms > 0 then
    redis.call('ZREM', timers_key(), timer_member('start_to_close', x.id, unit, attempt))
  end
  drop_message(facts.queue, state.message_id)
  amend(x, unit)
  state.nonce, state.message_id, state.is_ended = ENDED .. nonce, '-', true
  return x, facts
end

-- flags: allow-oom
-- Appends log lines, progress, streamed text and typed events of a handler. Lines are numbered upwards within the attempt; a line
-- sent twice is dropped, and so is every line of a superseded attempt.
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 lines, 7 pieces of streamed text and 8 typed events allowed for the whole execution; then
--       three for each line: number, event type, data, JSON
-- Reply ok; fenced; full, the execution has used up its lines (recorded once in its history); exceeded, one of these is a typed event
--       too many: it is not recorded, nor is what comes behind it
local node_id, attempt = ARGV[3], ARGV[4]
local x = open(ARGV[2], {node_id}, {'r|'})
if not x or not is_current(x, node_id, attempt, ARGV[5]) or status_of(x, node_id) ~= 'RUNNING' then return 'fenced' end
local reported, lines_kept, tokens_kept, streamed = fields_of(x, 'reported|' .. node_id, 'lines', 'tokens', 'streamed|' .. node_id)
local of_attempt, newest = string.match(reported or '', '^(%d+):(%d+)$')
newest = of_attempt == attempt and tonumber(newest) or 0
local lines, allowed = tonumber(lines_kept or 0), tonumber(ARGV[6])
local tokens, tokens_allowed = tonumber(tokens_kept or 0), tonumber(ARGV[7])
local is_streamed = streamed == attempt
-- Read and written only where there is a typed event.
local emitted, is_exceeded
-- Numbers rise, so the last one says whether there is anything new.
if tonumber(ARGV[#ARGV - 2]) <= newest then return lines > allowed and 'full' or 'ok' end

-- What was streamed counts no more: watchers let go of it.
local function reset(data)
  if is_streamed then record(x, 'stream.reset', node_id, attempt, data) end
  is_streamed = false
end

for i = 9, #ARGV, 3 do
  local number, event, data = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2]
  if number > newest then
    if event == 'node.event' then
      emitted = emitted or tonumber(fields_of(x, 'emitted') or 0)
      -- Its number is not passed by: sent again, it is refused again.
      is_exceeded = emitted >= tonumber(ARGV[8])
      if is_exceeded then break end
    end
    newest = number
    if event == 'node.event' then
      emitted = emitted + 1
      record(x, event, node_id, attempt, data)
    elseif event == 'stream.reset' then
      reset(data)
    elseif event == 'node.token' then
      tokens = tokens + 1
      if tokens <= tokens_allowed then
        record(x, event, node_id, attempt, data)
        is_streamed = true
      else
        -- Half an answer would look like a whole one: readers drop what they have, and take it from the output.
        reset('{"reason":"capped"}')
      end
    elseif lines <= allowed then
      lines = lines + 1
      if lines <= allowed then
        record(x, event, node_id, attempt, data)
      else
        record(x, 'node.log', node_id, attempt,
          '{"level":"warning","message":"further progress and log lines of this execution are not kept"}')
      end
    end
  end
end
redis.call('HSET', x.runtime, 'reported|' .. node_id, attempt .. ':' .. newest, 'lines', lines)
if tokens > 0 then redis.call('HSET', x.runtime, 'tokens', tokens) end
if emitted then redis.call('HSET', x.runtime, 'emitted', emitted) end
if is_streamed then
  redis.call('HSET', x.runtime, 'streamed|' .. node_id, attempt)
elseif streamed then
  redis.call('HDEL', x.runtime, 'streamed|' .. node_id)
end
if is_exceeded then return 'exceeded' end
return lines > allowed and 'full' or 'ok'

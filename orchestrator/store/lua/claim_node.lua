-- flags: allow-oom
-- Claims one delivered task for the worker that read it; the work is `claim` in include/claim.lua.  QUEUED -> RUNNING
-- KEYS  1 runtime of the execution
-- ARGV  3 node id, 4 attempt, 5 nonce, 6 message id, 7 queue, 8 worker id, 9 lease ms, 10 bytes that it may answer with
-- Reply see include/claim.lua; 'ok' again when sent twice with the same nonce.
-- Event node.started
begin_reply(tonumber(ARGV[10]))
return claim(ARGV[2], ARGV[3], ARGV[4], ARGV[6], ARGV[7], ARGV[5], ARGV[8], tonumber(ARGV[9]))

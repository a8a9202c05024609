/**
 * Kept answers in Redis, as scripts: what they look at and what they change is one moment for everybody.
 *
 * `ends` is a hash of numbers, as in the segment of a cluster: of the latest invalidation (`latest`), of the latest one of
 * everything (`all`), and of the latest one of each cell that paths and tags are hashed to. Whoever begins a computation
 * takes `latest` along. An answer is good if nothing that concerns it has a higher number.
 *
 * `epoch` is a name that nobody else has ever given. Whatever becomes of `ends` (FLUSHALL, eviction, its expiry), the numbers
 * begin anew under another one, and answers of the former are none. Therefore nothing here has to last.
 */
import { Script } from "./script.ts";

/** KEYS[2] is `ends`. A cell that has no number was never invalidated. */
const isEnded = `
local function isEnded(all, born, cells)
  if tonumber(all or 0) > born then return true end
  local names = {}
  for cell in string.gmatch(cells, "%d+") do names[#names + 1] = cell end
  for _, number in ipairs(redis.call("HMGET", KEYS[2], unpack(names))) do
    if number and tonumber(number) > born then return true end
  end
  return false
end
local function clock()
  local time = redis.call("TIME")
  return time[1] * 1000000 + time[2]
end`;

/**
 * KEYS: answer, ends, list. ARGV: an epoch, for the case that there is none; the expiry of `ends`.
 * Returns epoch, number and time for who computes now; behind them what there is: when it was stored, until when it is
 * fresh, and its two texts. Times are microseconds of Redis' clock, the only one that all clusters have in common.
 */
export const lookScript: Script = new Script(`${isEnded}
local now = string.format("%.0f", clock())
local ends = redis.call("HMGET", KEYS[2], "epoch", "latest", "all")
if not ends[1] then
  redis.call("DEL", KEYS[3])
  redis.call("HSET", KEYS[2], "epoch", ARGV[1])
  redis.call("PEXPIRE", KEYS[2], ARGV[2])
  return {ARGV[1], "0", now}
end
local ticket = {ends[1], ends[2] or "0", now}
local found = redis.call("HMGET", KEYS[1], "epoch", "born", "cells")
if not found[1] then return ticket end
if found[1] ~= ends[1] or isEnded(ends[3], tonumber(found[2]), found[3]) then
  redis.call("UNLINK", KEYS[1])
  return ticket
end
for _, text in ipairs(redis.call("HMGET", KEYS[1], "stored", "fresh", "meta", "body")) do
  ticket[#ticket + 1] = text
end
return ticket`);

/**
 * KEYS: answer, ends, list. ARGV: epoch and number that the computation began with, cells, stored, fresh, both texts, the expiry
 * of `ends`, and how many bytes all answers may have together: beyond that, the oldest go.
 */
export const keepScript: Script = new Script(`${isEnded}
local ends = redis.call("HMGET", KEYS[2], "epoch", "all")
if ends[1] ~= ARGV[1] or isEnded(ends[2], tonumber(ARGV[2]), ARGV[3]) then return 0 end
local left_ms = math.floor((ARGV[5] - clock()) / 1000)
if left_ms <= 0 then return 0 end
local number = redis.call("HINCRBY", KEYS[2], "written", 1)
redis.call("HSET", KEYS[1], "epoch", ARGV[1], "born", ARGV[2], "cells", ARGV[3], "stored", ARGV[4],
  "fresh", ARGV[5], "meta", ARGV[6], "body", ARGV[7], "number", number)
redis.call("PEXPIRE", KEYS[1], string.format("%.0f", left_ms))
local size = #ARGV[6] + #ARGV[7] + 512
redis.call("RPUSH", KEYS[3], number .. " " .. size .. " " .. KEYS[1])
local bytes = redis.call("HINCRBY", KEYS[2], "bytes", size)
for _ = 1, 1000 do
  if bytes <= tonumber(ARGV[9]) then break end
  local oldest = redis.call("LPOP", KEYS[3])
  if not oldest then
    redis.call("HSET", KEYS[2], "bytes", 0)
    break
  end
  local its, weight, key = string.match(oldest, "^(%d+) (%d+) (.+)$")
  if redis.call("HGET", key, "number") == its then redis.call("UNLINK", key) end
  bytes = redis.call("HINCRBY", KEYS[2], "bytes", "-" .. weight)
end
redis.call("PEXPIRE", KEYS[2], ARGV[8])
redis.call("PEXPIRE", KEYS[3], ARGV[8])
return 1`);

/**
 * KEYS: ends, list. ARGV: an epoch, the expiry, a channel, what the others are told there, and cells; none: everything.
 * Whoever hears of it finds it done.
 */
export const endScript: Script = new Script(`
if redis.call("HSETNX", KEYS[1], "epoch", ARGV[1]) == 1 then redis.call("DEL", KEYS[2]) end
local number = redis.call("HINCRBY", KEYS[1], "latest", 1)
if #ARGV == 4 then redis.call("HSET", KEYS[1], "all", number) end
for at = 5, #ARGV do redis.call("HSET", KEYS[1], ARGV[at], number) end
redis.call("PEXPIRE", KEYS[1], ARGV[2])
redis.call("PUBLISH", ARGV[3], ARGV[4])
return number`);

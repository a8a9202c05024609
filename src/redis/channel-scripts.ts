/**
 * What Redis keeps of a channel, and the three things that are done with it, each in one script.
 *
 * - the stream: what was handed over and not acknowledged, read through a consumer group, so that it also knows what of it
 *   was handed out. All who consume use one name in the group: what the one before left is what is read first.
 * - the lease: who consumes, a listener and which of its connections; it ends by itself.
 * - the state: how many were sent and acknowledged, and where to ring when somebody who sleeps is to be woken.
 * - waiting: where to ring when there is room.
 * - from: how far each origin of one cluster has come. What was handed over is not handed over again, whatever dies in
 *   between; it ends a day after the last message of that cluster.
 */
import { Script } from "./script.ts";

export interface ChannelKeys {
  readonly stream: string;
  readonly lease: string;
  readonly state: string;
  readonly waiting: string;
  readonly from: string;
}

/** The word after the prefix differs, so that no name of a channel can lead to a key of another kind. */
export function keysOf(prefix: string, cluster: string, name: string): ChannelKeys {
  return {
    stream: `${prefix}:channel:${name}`,
    lease: `${prefix}:channel-lease:${name}`,
    state: `${prefix}:channel-state:${name}`,
    waiting: `${prefix}:channel-waiting:${name}`,
    from: `${prefix}:channel-from:${cluster}:${name}`,
  };
}

/** KEYS 1 to 3 are stream, lease and state everywhere. Depth, sent, acknowledged, milliseconds of the oldest, consumed. */
const counts = `
local function counts()
  local state = redis.call("HMGET", KEYS[3], "sent", "acknowledged")
  local first, age = redis.call("XRANGE", KEYS[1], "-", "+", "COUNT", 1)[1], 0
  if first then
    local time = redis.call("TIME")
    age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(first[1], "^%d+"))
  end
  return redis.call("XLEN", KEYS[1]), tonumber(state[1] or 0), tonumber(state[2] or 0), math.max(0, age),
    redis.call("EXISTS", KEYS[2])
end`;

/** Only looks. */
export const look = new Script(`${counts}
return {counts()}`);

/**
 * KEYS: and waiting, from. ARGV: capacity, milliseconds that `from` is kept, where to ring and what to say there; then
 * of each message origin, number, kind and text. Answers with how many are kept, and the counts.
 *
 * What the last message of an origin was is written behind the messages: the first thing that Redis refuses, it refuses
 * for want of memory, before anything was written, and never later in a script.
 */
export const append = new Script(`${counts}
local room = ARGV[1] - redis.call("XLEN", KEYS[1])
local last, moved, settled, added = {}, {}, 0, 0
for at = 5, #ARGV, 4 do
  local origin, number = ARGV[at], tonumber(ARGV[at + 1])
  if not last[origin] then last[origin] = tonumber(redis.call("HGET", KEYS[5], origin) or -1) end
  if number > last[origin] then
    if added >= room then
      redis.call("SADD", KEYS[4], ARGV[3])
      break
    end
    redis.call("XADD", KEYS[1], "*", ARGV[at + 2], ARGV[at + 3])
    last[origin], moved[origin] = number, ARGV[at + 1]
    added = added + 1
  end
  settled = settled + 1
end
if added > 0 then
  for origin, number in pairs(moved) do redis.call("HSET", KEYS[5], origin, number) end
  redis.call("PEXPIRE", KEYS[5], ARGV[2])
  redis.call("HINCRBY", KEYS[3], "sent", added)
  local sleeper = redis.call("HGET", KEYS[3], "sleeper")
  if sleeper then
    redis.call("HDEL", KEYS[3], "sleeper")
    redis.call("PUBLISH", sleeper, ARGV[4])
  end
end
return {settled, counts()}`);

/**
 * Becomes or stays the consumer, or lets go; acknowledges; reads.
 *
 * KEYS: and waiting. ARGV: the listener, which of its connections; milliseconds of the lease, 0 to let go; the id behind
 * which to read what was handed out, ">" for what was not, "" for nothing; how many at most, and about how many bytes: the
 * answer has to come in time, also over a slow line, so the first are few and the next as many as should fit; where to ring,
 * what to say there, and where everybody listens; then the ids that are acknowledged.
 *
 * Answers with whether it is the consumer (0, 1, or 2: since now, so that all it knows is void), where to read on,
 * whether there may be more, the counts, and of each message id, kind and text.
 *
 * A command of an earlier connection that arrives late changes nothing: the lease names the connection. PEXPIRE and DEL come
 * first because they are possible without memory, and once a script has written, Redis refuses it nothing. Otherwise
 * a Redis that is full could not be emptied.
 */
export const receive = new Script(`${counts}
local listener, epoch, expiry, from = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local holder = redis.call("GET", KEYS[2])
local held = 1
if holder ~= listener .. " " .. ARGV[2] then
  held = 2
  local other, since = string.match(holder or "", "^(.*) (%d+)$")
  local isOwn = other == listener and tonumber(since) < epoch
  if (holder and not isOwn) or (not holder and expiry == 0) then return {0, "", 0, counts()} end
end
if expiry > 0 and held == 1 then
  redis.call("PEXPIRE", KEYS[2], expiry)
else
  redis.call("DEL", KEYS[2])
  if expiry > 0 then redis.call("SET", KEYS[2], listener .. " " .. ARGV[2], "PX", expiry) end
end
local group = "robyn"
local done = 0
for at = 10, #ARGV, 500 do
  local to = math.min(#ARGV, at + 499)
  redis.pcall("XACK", KEYS[1], group, unpack(ARGV, at, to))
  done = done + redis.call("XDEL", KEYS[1], unpack(ARGV, at, to))
end
if done > 0 then
  redis.call("HINCRBY", KEYS[3], "acknowledged", done)
  for _, place in ipairs(redis.call("SMEMBERS", KEYS[4])) do redis.call("PUBLISH", place, ARGV[8]) end
  redis.call("DEL", KEYS[4])
end
if expiry == 0 then
  redis.call("HDEL", KEYS[3], "sleeper")
  redis.call("PUBLISH", ARGV[9], ARGV[8])
  return {0, "", 0, counts()}
end
local messages, bytes, more = {}, 0, 1
local most, bytes_most = tonumber(ARGV[5]), tonumber(ARGV[6])
if held == 2 or from == "" then most = 0 end
while #messages < 3 * most and bytes < bytes_most do
  local got = #messages / 3
  local fitting = got == 0 and 4 or math.ceil((bytes_most - bytes) * got / math.max(1, bytes))
  local count = math.min(most - got, fitting, 128)
  local reply = redis.pcall("XREADGROUP", "GROUP", group, "consumer", "COUNT", count, "STREAMS", KEYS[1], from)
  if reply and reply.err then
    if not string.find(reply.err, "^NOGROUP") then return reply end
    redis.call("XGROUP", "CREATE", KEYS[1], group, "0", "MKSTREAM")
    reply = nil
    from = ">"
  else
    local entries = reply and reply[1][2] or {}
    for _, entry in ipairs(entries) do
      local id, fields = entry[1], entry[2]
      if fields then
        messages[#messages + 1], messages[#messages + 2], messages[#messages + 3] = id, fields[1], fields[2]
        bytes = bytes + #fields[2]
      else
        redis.call("XACK", KEYS[1], group, id)
      end
      if from ~= ">" then from = id end
    end
    if #entries == 0 then
      if from == ">" then
        redis.call("HSET", KEYS[3], "sleeper", ARGV[7])
        more = 0
        break
      end
      from = ">"
    end
  end
end
local depth, sent, acknowledged, age, consumed = counts()
return {held, from, more, depth, sent, acknowledged, age, consumed, unpack(messages)}`);

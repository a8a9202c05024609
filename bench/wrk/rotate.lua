-- Sends the requests of a file in turn, all built before the first is sent, and prints the totals as JSON.
-- wrk ... -s rotate.lua URL -- <file of requests, one a line> <requests written at once>
-- A line is a path, or a path, a tab and a JSON body, which is sent with POST.

local requests, cursor = {}, 0

function init(arguments)
  local batch = tonumber(arguments[2])
  local json = { ["Content-Type"] = "application/json" }
  local single = {}
  for line in io.lines(arguments[1]) do
    local path, body = line:match("^([^\t]*)\t(.*)$")
    if path then
      single[#single + 1] = wrk.format("POST", path, json, body)
    else
      single[#single + 1] = wrk.format("GET", line)
    end
  end
  for first = 1, #single do
    local parts = {}
    for offset = 0, batch - 1 do
      parts[#parts + 1] = single[(first - 1 + offset) % #single + 1]
    end
    requests[first] = table.concat(parts)
  end
end

function request()
  cursor = cursor % #requests + 1
  return requests[cursor]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"badStatus":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end

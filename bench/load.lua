-- Send one fixed POST again and again; print the outcome as one line of JSON.
-- BODY is the path of the body, MEDIA its content type.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = os.getenv("MEDIA")

local form = '{"requests": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "errors": %d}\n'

function done(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  local p50, p99 = latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  io.write("RESULT ", string.format(form, summary.requests, summary.duration / 1e6, p50, p99, errors))
end

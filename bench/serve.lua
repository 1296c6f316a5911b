-- Posts pictures to one path, each as a multipart body of its own, one after the other; threads begin
-- at different ones. usage: wrk -s bench/serve.lua URL -- FIELD PICTURE...
-- What was measured is printed as one line of JSON; bench/load.py reads it.
local boundary = "mien-bench-boundary"
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local data = file:read("*a")
    file:close()
    return data
end

local function body(field, path)
    return "--" .. boundary .. "\r\nContent-Disposition: form-data; name=\"" .. field ..
        "\"; filename=\"picture.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" .. read(path) .. "\r\n" ..
        "--" .. boundary .. "--\r\n"
end

function init(arguments)
    wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
    requests = {}
    for i = 2, #arguments do
        requests[i - 1] = wrk.format("POST", nil, nil, body(arguments[1], arguments[i]))
    end
    turn = number
end

function request()
    turn = turn + 1
    return requests[turn % #requests + 1]
end

function done(summary, latency, per_thread)
    local e = summary.errors
    io.write(string.format(
        '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,' ..
        '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3, latency.max / 1e3,
        e.connect, e.read, e.write, e.status, e.timeout))
end

-- What is printed at the end: one thread sends, so its count says where the next run begins.
function setup(thread)
   sender = thread
end

function done(summary, latency, requests)
   local errors = summary.errors
   local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '\n{"requests":%d,"failed":%d,"seconds":%.6f,"rate":%.3f,"next":%d,"latency":{"p50":%d,"p90":%d,"p99":%d,"p999":%d,"max":%d}}\n',
      summary.requests, failed, summary.duration / 1e6, summary.requests / (summary.duration / 1e6), sender:get("n"),
      latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max))
end

//! The section of the page with numbers that are entered by hand.
//!
//! It has the date of its measurement.

/// What is left of the cost of a request, by part.
pub(crate) const LEFT: &str = "\
## What is left

Where the goals are not reached, this is what remains. The table has the instructions that a request adds to `bare` at 1 %
sampled, with one log line of the handler and the access line, without the recorder, by the crate of the function that executes
them. They are self costs in callgrind's output, counted on 2026-11-30; a part of firstlight is compiled into the functions of
`tracing-subscriber` that call it.

| part | instructions | |
| --- | ---: | --- |
| `tracing`, `tracing-core`, `tracing-subscriber`, `sharded-slab` | 4,700 | one span, entered twice, and two events; 15 look-ups of the span, each with a compare-and-swap |
| `tracing-opentelemetry`, `opentelemetry`, `opentelemetry_sdk` | 2,900 | the span's builder and context, attached twice |
| `malloc` and `free` | 3,300 | 16 allocations, half of them in `tracing-opentelemetry` |
| `memcpy` | 1,500 | |
| the two lines, 650 bytes | 6,400 | 8 fields of events and 2 of the span, each visited, redacted, escaped and copied; ids, time |
| metrics | 1,000 | one gauge, one histogram with six labels |
| the HTTP layer, with `http`, `tower` and `axum` around it | 2,300 | |
| the trace context, sampling, ids | 900 | |
| the standard library | 1,900 | thread-locals, hashes, seven reads of the clock |
| the rest | 2,100 | |

The first three parts are 10,900 of 27,000 instructions, and most of them are due to `tracing-opentelemetry`, in which every span
stays, so that `OpenTelemetrySpanExt` works for it. A fourth of the first part is the layer that exists only to be found by it: its
filter makes `tracing` ask about each span and event, and looks up each span that is entered, exited or closed. The mark by which it
is found is private, and passing it on needs `unsafe`.

These ways to less were looked at and not taken. Each has what it would save in such a request, estimated from the profile:

- A direct write of the access line, past `tracing`'s visitors: 1,300, at the price of a second way to filter, record and export
  an event.
- One entry of the span for the call of the service and the first poll of its future: 1,000. The layer would have to clone the
  inner service, and could not wrap services that are not `Clone`.
- The method and the route as attributes that are set later, and only if the span is exported: 800, and more than that with the
  flight recorder, which needs both in any case. A sampler would not see them.
- One reading of the clock for the span, the metrics and the lines: 200. The lines would have the time of the span's start or end.
- Ids from a counter, and escaping by SIMD: less than 100 each. The SDK's generator is thread-local already, and text is searched
  eight bytes at a time.
- Fewer allocations: of the 16, nine are those of `tracing-opentelemetry` and its SDK, as [the lower limit](#the-lower-limit) has
  them without firstlight. The others are the exchange, the path, the fields of the span in three pieces, and two of the extensions
  of the request and of the span; together they take 1,400.
- Another mark than an extension for a request that an outer layer observes: 400. A request has no other identity.

At 100 % sampled, 12,000 more are the export: 3,800 to encode the span and to collect its attributes in firstlight, 2,400 for
`malloc` and `free`, 1,400 in `opentelemetry`, and 1,200 for `memcpy`. An attribute has to be redacted and bounded as a value before
it is encoded, so it is stored twice. To encode a span when it ends, instead of on the exporter's thread, was tried: it costs the
same, and the request waits for it.

The flight recorder adds 4,000 to such a request: 1,100 for the records of two events, 500 for two lines in the ring, 1,300 for the
span (a table of open spans, its record, its place among the kept roots), and the rest for memory, copies and locks. Each further
line of the handler adds 800: its record, and its line in the ring. Both hold what the line has, once by request and once by time,
because the first is lost with its request.

";

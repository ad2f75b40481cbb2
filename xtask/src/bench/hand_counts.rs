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
| `tracing`, `tracing-core`, `tracing-subscriber`, `sharded-slab` | 5,000 | one span, entered twice, and two events; 15 look-ups of the span, each with a compare-and-swap |
| `tracing-opentelemetry`, `opentelemetry`, `opentelemetry_sdk` | 2,900 | the span's builder and context, attached twice |
| `malloc` and `free` | 3,200 | 16 allocations, half of them in `tracing-opentelemetry` |
| `memcpy` | 1,500 | |
| the two lines, 650 bytes | 6,900 | 8 fields of events and 2 of the span, each visited, redacted, escaped and copied; ids, time |
| metrics | 1,200 | one gauge, one histogram with six labels |
| the HTTP layer, with `http`, `tower` and `axum` around it | 2,700 | |
| the trace context, sampling, ids | 1,000 | |
| the standard library | 2,300 | thread-locals, hashes, seven reads of the clock |
| the rest | 1,700 | |

The first three parts are 11,000 of 28,400 instructions, and are due to `tracing-opentelemetry`, in which every span stays, so
that `OpenTelemetrySpanExt` works for it. A third of the first part is the layer that exists only to be found by it: its filter
makes `tracing` ask about each span and event, and looks up each span that is entered, exited or closed. The mark by which it is
found is private, and passing it on needs `unsafe`. Of the lines, a direct write of the access line, past `tracing`'s visitors,
would save some 2,500, at the price of a second way to filter, record and export an event.

At 100 % sampled, 12,300 more are the export: 4,000 to encode and free the span on the exporter's thread, 3,300 to collect seven
attributes, 2,400 for `malloc` and `free`, and 1,300 for `memcpy`. An attribute has to be redacted and bounded as a value before
it is encoded, so it is stored twice.

";

//! The sections of the page with numbers that are entered by hand.
//!
//! Each has the date of its measurement, and the commands that repeat it.

/// The sections about parts of the recorder, queries and the lower limit.
pub(crate) const SECTIONS: &str = "\
## Measured by hand

`cargo xtask bench` does not measure the numbers of this section and of the next two. They are entered by hand, with their date.

Besides the instructions that the goals judge, the flight recorder makes two allocations in a request with one log line from the
handler and one access line. Each further span with one field costs about 1,400 instructions. An event with two fields that is
held and not logged costs about 2,800, most of it for formatting; `FIRSTLIGHT_LOG_ON_FAILURE` and `FIRSTLIGHT_RECORDER_FILTER`
hold such events. With `FIRSTLIGHT_TRACE_FAILURES`, an unsampled request costs 9,700 more. These were counted with callgrind on
2026-11-29, as the difference of runs with 20,000 and with 4,000 requests:

```console
$ target/bench/release/measure --sampling 0.01 --requests 20000 --warm-up 1000 --timeout 120 \\
    valgrind --tool=callgrind target/bench/release/with-firstlight
```

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

## A query

The table has the additional cost of queries with sqlx. It includes the cost of sqlx's own event, which arises as soon as
there is a subscriber. The numbers are medians of `cargo bench -p firstlight --all-features --bench calls -- query` on the
machine of the tables above, on 2026-11-24. The numbers of the section after this one are from the same day.

| | |
| --- | ---: |
| ten queries in a span that is not sampled, including the span | 10.8 µs |
| ten queries in a sampled span, including the span | 21.7 µs |
| one query outside any span | 0.7 µs |

## The lower limit

The table has counts of instructions at 0 % sampled, in the `release` profile. The rows without firstlight are counts of spans
alone, in a separate thread and without a socket.

| | instructions |
| --- | ---: |
| `Registry` alone, one span of three fields: created, entered, exited, closed | 740 |
| `Registry` and `tracing-opentelemetry` with the SDK's tracer, the same span, entered once, not sampled | 5,950 |
| the same, entered twice | 7,090 |
| the same, entered twice, with a filter, which a layer needs unless it is the only layer of its subscriber | 7,790 |
| firstlight, one request, no access line | 16,200 |
| firstlight, one request | 22,400 |
| firstlight, one request, with one log line from the handler | 28,500 |

About half the cost of a request that is neither sampled nor logged is the span that is not exported. This cost arises before
firstlight does any work, and it cannot be avoided. `tracing-opentelemetry` asks the sampler when the span is first entered.
Before that, it copies the attributes, makes a builder for them, and puts both in a box with a lock, with eight allocations.

Asking the sampler earlier and creating no span would be cheaper, but wrong. The context of an unsampled span is propagated, so
that other services do not sample the trace either, and log lines take their ids from it. Other crates also read
`tracing-opentelemetry`'s data in the span. A layer that creates this data later or never would split their traces.

The span is entered twice because a service may do work both when it is called and when its future is polled. Each entry costs
1,130 instructions in `Registry` and `tracing-opentelemetry`. A handler that waits n times is entered n more times.";

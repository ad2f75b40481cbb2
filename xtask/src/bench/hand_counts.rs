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

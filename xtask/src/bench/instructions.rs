//! Cost in instructions, which do not depend on how busy the machine is.
//!
//! The numbers are entered by hand, because counting needs `valgrind`.

/// The sections of the page about instructions, queries and the lower limit.
pub(crate) const SECTIONS: &str = "\
## In instructions

Times depend on how busy the machine is, but counts of instructions hardly do. The table has the instructions per request that
the server's process executes outside the kernel, counted with callgrind, without the 16,600 of `bare`. Each request writes one
log line, and there are 16 connections.

| | 100 % sampled | of by-hand | 1 % sampled | of by-hand |
| --- | ---: | ---: | ---: | ---: |
| **firstlight** | 63,700 | 0.23 | 34,200 | 0.15 |
| the same with `FIRSTLIGHT_RECORDER=off` | 59,800 | 0.22 | 30,300 | 0.14 |
| firstlight-no-access-line, without the recorder | 53,600 | 0.20 | 24,500 | 0.11 |
| firstlight-span-events, without the recorder | 74,800 | 0.27 | 30,900 | 0.14 |
| by-hand | 273,900 | | 223,200 | |
| oxtel | 158,100 | 0.58 | 110,700 | 0.50 |

The flight recorder costs about 3,900 instructions and two allocations of a request with one log line from the handler and
one access log line. Each further span with one field costs about 1,400. An event with two fields that is held and not logged
costs about 2,800, most of it for formatting; `FIRSTLIGHT_LOG_ON_FAILURE` and `FIRSTLIGHT_RECORDER_FILTER` hold such events.
With `FIRSTLIGHT_TRACE_FAILURES`, an unsampled request costs 9,700 more.

The rows were measured on 2026-11-29. To repeat the measurement, install valgrind, run `cargo xtask bench --quick` and then
this command with 20,000 and with 4,000 requests, and divide the difference of the totals by 16,000:

```console
$ target/bench/release/measure --sampling 0.01 --requests 20000 --warm-up 1000 --timeout 120 \\
    valgrind --tool=callgrind target/bench/release/with-firstlight
```

The times above also include work of the kernel that telemetry causes only indirectly: the clients of a server that is slower
than `bare` sleep while they wait, and the server has to wake them with each answer.

## A query

The table has the additional cost of queries with sqlx. It includes the cost of sqlx's own event, which arises as soon as
there is a subscriber. The numbers are medians of `cargo bench -p firstlight --all-features --bench calls -- query` on the
machine of the tables above, entered by hand on 2026-11-24. The numbers of the section after this one are from the same day.

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

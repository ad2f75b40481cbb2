//! Cost in instructions, which do not depend on how busy the machine is.
//!
//! The numbers are entered by hand, because counting needs `valgrind`.

/// The sections of the page about instructions, queries and the lower limit.
pub(crate) const SECTION: &str = "\
## In instructions

Times depend on how busy the machine is, but counts of instructions hardly do. The table has the instructions of the server's
process per request outside the kernel, counted with callgrind: one log line, 16 connections, in addition to those of `bare`
(16,000).

| | 100 % sampled | of by-hand | 1 % sampled | of by-hand |
| --- | ---: | ---: | ---: | ---: |
| **firstlight** | 51,000 | 0.19 | 28,900 | 0.13 |
| firstlight-no-access-line | 44,800 | 0.16 | 22,800 | 0.10 |
| firstlight-span-events | 66,300 | 0.24 | 29,200 | 0.13 |
| by-hand | 275,600 | | 225,700 | |
| oxtel | 158,000 | 0.57 | 110,000 | 0.49 |

To repeat it, after `cargo xtask bench --quick`, with valgrind installed; divide the program's total by 21,000:

```console
$ target/bench/release/measure --sampling 0.01 --requests 20000 --warm-up 1000 --timeout 120 \\
    valgrind --tool=callgrind target/bench/release/with-firstlight
```

The times above also include work of the kernel that does not depend on the telemetry: the clients of a server that is slower
than `bare` wait for it, and the server has to wake them with each answer.

## A query

The additional cost of a query with sqlx, including the cost of sqlx's own event once there is a subscriber: medians of
`cargo bench -p firstlight --all-features --bench calls -- query`, entered by hand on 2026-11-24, from the machine of the tables
above. The numbers of the sections before and after this one are from the same day.

| | |
| --- | ---: |
| ten queries in a span that is not sampled, including the span | 10.8 µs |
| ten queries in a sampled span, including the span | 21.7 µs |
| one query outside any span | 0.7 µs |

## The lower limit

Counts of instructions at 0 % sampled, and of spans alone in a separate thread (`release` profile, no socket).

| | instructions |
| --- | ---: |
| `Registry` alone, one span of three fields: created, entered, exited, closed | 740 |
| `Registry` and `tracing-opentelemetry` with the SDK's tracer, the same span, entered once, not sampled | 5,950 |
| the same, entered twice | 7,090 |
| the same, entered twice, behind a filter, which every layer needs that is not the only one of its subscriber | 7,790 |
| firstlight, one request, no access line | 16,200 |
| firstlight, one request | 22,400 |
| firstlight, one request, and one log line of the handler's | 28,500 |

About half the cost of a request that is neither sampled nor logged is the span that is not exported. This cost arises before
firstlight does any work, and it cannot be avoided. `tracing-opentelemetry` asks the sampler when the span is first entered. By
then it has copied the attributes, made a builder for them, and put both in a box behind a lock, with eight allocations.

Asking the sampler earlier and creating no span would be cheaper, but wrong. The context of an unsampled span is propagated, so
that other services do not sample the trace either, and log lines take their ids from it. Other crates also read
`tracing-opentelemetry`'s data in the span. A layer that creates this data later or never would split their traces.

The span is entered twice because a service may do work both when it is called and when its future is polled. Each entry costs
1,130 instructions in `Registry` and `tracing-opentelemetry`. A handler that waits n times is entered n more times.";

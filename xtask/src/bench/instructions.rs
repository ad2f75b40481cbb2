//! Cost in instructions, which do not depend on how busy the machine is.
//!
//! The numbers are entered by hand, because counting needs `valgrind`.

/// The sections of the page about instructions, queries and the lower limit.
pub(crate) const SECTION: &str = "\
## In instructions

Times depend on how busy the machine is, and instructions nearly not at all. These are all that the server's process executes per
request outside of the kernel, counted with callgrind: one log line, 16 connections, everything over `bare` (16,000).

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

The kernel has a part in the times above that no telemetry chooses: a server that is slower than `bare` lets its clients wait,
and has to wake them with each answer.

## A query

What a query of sqlx's costs on top of the query, with what sqlx itself spends on its event once a subscriber listens: medians of
`cargo bench -p firstlight --all-features --bench calls -- query`, put in by hand on 2026-11-24, from the machine of the tables
above. The numbers of the two sections around this one are of the same day.

| | |
| --- | ---: |
| ten queries in a span that is not sampled, the span included | 10.8 µs |
| ten queries in a sampled span, the span included | 21.7 µs |
| one query outside of any span | 0.7 µs |

## The floor

The same count of instructions, at 0 % sampled, and of spans alone in a thread of their own (`release` profile, no socket).

| | instructions |
| --- | ---: |
| `Registry` alone, one span of three fields: made, entered, left, closed | 740 |
| `Registry` and `tracing-opentelemetry` with the SDK's tracer, the same span, entered once, not sampled | 5,950 |
| the same, entered twice | 7,090 |
| the same, entered twice, behind a filter, as every layer that is not alone in its subscriber needs to be | 7,790 |
| firstlight, one request, no access line | 16,200 |
| firstlight, one request | 22,400 |
| firstlight, one request, and one log line of the handler's | 28,500 |

So about half of what a request costs when nothing of it is kept and nothing is written goes into a span that is not exported,
before firstlight has done anything. It cannot be left out. `tracing-opentelemetry` learns whether a span is sampled when
the span is first entered, and by then it has copied the attributes, made a builder for them, and put both in a box behind a
lock: eight allocations. To ask the sampler earlier and make no span at all would be cheaper, and wrong: the context of an
unsampled span is what is propagated, so that the services behind agree not to keep the trace either, and what log lines
take their ids from. Other crates look for `tracing-opentelemetry`'s own data in the span as well, so a layer of our own that
makes it later, or never, would cut their traces in two.

The span is entered twice because a service may do work both when it is called and when its future is polled; each time
costs 1,130 instructions in `Registry` and `tracing-opentelemetry`. A handler that waits n times is entered n times more.";

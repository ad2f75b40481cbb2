//! What cannot be had for less, counted and not timed: instructions do not depend on how busy the machine is.
//!
//! Written by hand, because counting needs `valgrind`, which is no part of a benchmark that anybody can repeat. Left out:
//! whatever a processor does with an instruction.

/// The section of the page.
pub(crate) const SECTION: &str = "\
## The floor

Instructions per request in the server's thread, counted with callgrind on one axum route of the `release` profile, without
a socket, over the same route under a layer that does nothing (9,500 instructions, of which axum's boxes are the most). Counts
repeat to the instruction or nearly so, on a busy machine as well; they say nothing about the kernel, caches, or the threads
that write and export.

| | instructions |
| --- | ---: |
| `Registry` alone, one span of three fields: made, entered, left, closed | 740 |
| `Registry` and `tracing-opentelemetry` with the SDK's tracer, the same span, entered once, not sampled | 5,950 |
| the same, entered twice | 7,090 |
| the same, entered twice, behind a filter, as every layer that is not alone in its subscriber needs to be | 7,790 |
| firstlight, one request, not sampled, no access line | 14,200 |
| firstlight, one request, not sampled | 20,200 |
| firstlight, one request, not sampled, and one log line of the handler's | 24,700 |

So about half of what a request costs when nothing of it is kept and nothing is written goes into a span that nobody will see,
before firstlight has done anything. It cannot be left out. `tracing-opentelemetry` learns whether a span is sampled when
the span is first entered, and by then it has copied the attributes, made a builder for them, and put both in a box behind a
lock: eight allocations. To ask the sampler earlier and make no span at all would be cheaper, and wrong: the context of an
unsampled span is what is propagated, so that the services behind agree not to keep the trace either, and what log lines
take their ids from. Other crates look for `tracing-opentelemetry`'s own data in the span as well, so a layer of our own that
makes it later, or never, would cut their traces in two.

The span is entered twice because a service may do work both when it is called and when its future is polled; each time
costs 1,130 instructions in `Registry` and `tracing-opentelemetry`. A handler that waits n times is entered n times more.";

//! Requests as from visitors, so that the console has something to show.

use std::{thread, time::Duration};

use e2e::{service::Service, traffic};
use support::{http, interrupt::Interrupt};

use super::story;

/// The pause between two requests.
const PAUSE: Duration = Duration::from_millis(150);

/// Sends requests until Ctrl-C, or until the service ends.
///
/// Most succeed, some are slow, some fail. A request that gets no answer is no error, because the service may be stopping.
pub(super) fn visit(service: &mut Service, interrupt: &Interrupt) {
    for path in (0_u64..).flat_map(paths) {
        if interrupt.has_arrived() || service.has_ended() {
            return;
        }
        let _ = match path {
            "/orders" => story::place_order(service).map(drop),
            path => http::get(&service.url(path)).map(drop),
        };
        thread::sleep(PAUSE);
    }
}

/// The paths of one round.
fn paths(round: u64) -> Vec<&'static str> {
    let mut paths = vec!["/orders", traffic::EXAMPLE_PATH, traffic::EXAMPLE_PATH];
    let others = [
        (3, traffic::UNKNOWN_ORDER),
        (5, traffic::FAILING_PATH),
        (10, "/orders/report"),
        (20, traffic::SLOW_PATH),
    ];
    paths.extend(
        (others.into_iter())
            .filter(|(every, _)| round.is_multiple_of(*every))
            .map(|(_, path)| path),
    );
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_requests_succeed() {
        let all: Vec<_> = (0..60).flat_map(paths).collect();
        let failing = all.iter().filter(|path| **path == traffic::FAILING_PATH);
        assert_eq!((all.len(), failing.count()), (60 * 3 + 20 + 12 + 6 + 3, 12));
    }
}

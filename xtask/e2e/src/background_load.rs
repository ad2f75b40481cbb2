//! Clients that send requests in the background and ignore the answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use support::http;

/// Running clients, which are stopped on drop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts clients that call `step` with a unique number, and then pause.
    fn start(clients: usize, pause: Duration, step: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let number = Arc::new(AtomicU64::new(0));
        let step = Arc::new(step);
        let client = |_| {
            let (stop, number, step) = (Arc::clone(&stop), Arc::clone(&number), Arc::clone(&step));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    step(number.fetch_add(1, Ordering::Relaxed));
                    thread::sleep(pause);
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { stop, clients }
    }

    /// Starts ordinary load on the example's API.
    ///
    /// Clients place and read orders, read cached statistics, request an unknown order, and cause calls over gRPC.
    pub(crate) fn ordinary(address: &str) -> Self {
        let address = address.to_owned();
        Self::start(2, Duration::from_millis(120), move |number| {
            let url = |path: &str| format!("{address}{path}");
            let json = [("content-type", "application/json")];
            let order = r#"{"item":"telescope","quantity":2}"#;
            let _ = match number % 6 {
                0 => http::send("POST", &url("/orders"), &json, order),
                1 => http::get(&url(&format!("/orders/{}", 1 + number / 12))),
                2 | 3 => http::get(&url("/orders/stats")),
                4 => http::get(&url("/orders/999999999")),
                _ => http::send("POST", &url("/faults/pay/0"), &[], ""),
            };
        })
    }

    /// Starts clients that send POST requests to one URL.
    pub(crate) fn posts(clients: usize, pause: Duration, url: String) -> Self {
        Self::start(clients, pause, move |_| {
            let _ = http::send("POST", &url, &[], "");
        })
    }

    /// Starts clients that order one item.
    pub(crate) fn orders(clients: usize, pause: Duration, address: &str, item: &str) -> Self {
        let url = format!("{address}/orders");
        let order = format!(r#"{{"item":"{item}","quantity":2}}"#);
        Self::start(clients, pause, move |_| {
            let json = [("content-type", "application/json")];
            let _ = http::send("POST", &url, &json, &order);
        })
    }

    /// Starts a client whose orders are accepted, or rejected for each reason.
    pub(crate) fn mixed_orders(address: &str) -> Self {
        const ORDERS: [&str; 3] = [
            r#"{"item":"telescope","quantity":2}"#,
            r#"{"item":"","quantity":2}"#,
            r#"{"item":"telescope","quantity":0}"#,
        ];
        let url = format!("{address}/orders");
        Self::start(1, Duration::from_millis(50), move |number| {
            let json = [("content-type", "application/json")];
            if let Some(order) = ORDERS.get(number as usize % ORDERS.len()) {
                let _ = http::send("POST", &url, &json, order);
            }
        })
    }

    /// Starts two clients whose transfers lock two accounts in opposite order.
    pub(crate) fn deadlocks(address: &str) -> Self {
        let address = address.to_owned();
        Self::start(2, Duration::from_millis(150), move |number| {
            let path = if number.is_multiple_of(2) {
                "1/2"
            } else {
                "2/1"
            };
            let url = format!("{address}/trouble/transfer/{path}");
            let _ = http::send("POST", &url, &[], "");
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A panic of the client has been printed.
            let _ = client.join();
        }
    }
}

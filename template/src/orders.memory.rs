//! The example endpoints: an API for orders, which are kept in memory.
//!
//! To remove it, delete this file, `tests/orders.rs`, and all uses of orders in other files.
//!
//! | request | shows |
//! | --- | --- |
//! | `POST /orders` | a trace with a span for each step; 422 for an invalid order |
//! | `GET /orders/{id}` | a fast request; 404 for an unknown order |
//! | `GET /orders/{id}/slow-report` | a slow request, whose trace shows which step takes the time |
//! | `GET /orders/{id}/invoice` | a failing request: 500, and one log line with all causes |

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::sleep};
use tracing::{info, instrument};

use crate::{app::AppState, error::AppError, metrics};

/// Maximum number of orders; beyond it, the oldest is dropped.
const MAX_ORDERS: usize = 10_000;
const MAX_QUANTITY: i32 = 1_000;
/// Maximum length of an item, in characters.
///
/// Bounded because the item is kept, and the body of a request may have 2 MiB.
const MAX_ITEM: usize = 200;
/// A port without a listener, so that the request fails.
const INVOICE_SERVICE: &str = "127.0.0.1:1";

#[derive(Deserialize)]
struct NewOrder {
    item: String,
    quantity: i32,
}

#[derive(Debug, Clone, Serialize)]
struct Order {
    id: u64,
    item: String,
    quantity: i32,
}

#[derive(Debug, thiserror::Error)]
#[error("the invoice service at {address} does not answer")]
struct InvoiceError {
    address: &'static str,
    source: io::Error,
}

/// The routes of the example.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/slow-report", get(slow_report))
        .route("/orders/{id}/invoice", get(invoice))
}

async fn create(
    State(app): State<AppState>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), AppError> {
    validate(&new)?;
    let _in_progress = metrics::InProgress::start();
    let started = Instant::now();
    reserve_stock(&new).await;
    charge_card().await;
    let order = app.orders.insert(new);
    metrics::order_accepted(order.quantity, started.elapsed());
    info!(order.id, "order accepted");
    Ok((StatusCode::CREATED, Json(order)))
}

async fn show(State(app): State<AppState>, Path(id): Path<u64>) -> Result<Json<Order>, AppError> {
    Ok(Json(app.orders.find(id)?))
}

async fn slow_report(State(app): State<AppState>, Path(id): Path<u64>) -> Result<String, AppError> {
    let order = app.orders.find(id)?;
    load_history(id).await;
    let mut report = format!("order {id}: {} x {}\n", order.quantity, order.item);
    for page in 1..=3 {
        report.push_str(&render_page(page).await);
    }
    Ok(report)
}

async fn invoice(State(app): State<AppState>, Path(id): Path<u64>) -> Result<String, AppError> {
    app.orders.find(id)?;
    request_invoice(id).await.map_err(AppError::internal)
}

#[instrument(skip_all)]
fn validate(new: &NewOrder) -> Result<(), AppError> {
    let length = new.item.chars().count();
    if !(1..=MAX_ITEM).contains(&length) {
        metrics::rejected(metrics::Rejection::Item).increment(1);
        let message = format!("item has {length} characters, expected 1 to {MAX_ITEM}");
        return Err(AppError::Unprocessable(message));
    }
    if !(1..=MAX_QUANTITY).contains(&new.quantity) {
        metrics::rejected(metrics::Rejection::Quantity).increment(1);
        let message = format!("quantity is {}, expected 1 to {MAX_QUANTITY}", new.quantity);
        return Err(AppError::Unprocessable(message));
    }
    Ok(())
}

// The sleeps stand for a database and other services, which this example does not have.

#[instrument(skip_all, fields(order.quantity = new.quantity))]
async fn reserve_stock(new: &NewOrder) {
    sleep(Duration::from_millis(8)).await;
    info!("stock reserved");
}

#[instrument(skip_all)]
async fn charge_card() {
    sleep(Duration::from_millis(25)).await;
    info!("card charged");
}

#[instrument(skip_all, fields(order.id = id))]
async fn load_history(id: u64) {
    sleep(Duration::from_millis(150)).await;
    info!("history loaded");
}

#[instrument(skip_all, fields(report.page = page))]
async fn render_page(page: u32) -> String {
    sleep(Duration::from_millis(300)).await;
    info!("page rendered");
    format!("page {page}\n")
}

#[instrument(skip_all, fields(order.id = id))]
async fn request_invoice(id: u64) -> Result<String, InvoiceError> {
    info!("asking for an invoice");
    match TcpStream::connect(INVOICE_SERVICE).await {
        Ok(_) => Ok(format!("invoice of order {id}\n")),
        Err(source) => Err(InvoiceError {
            address: INVOICE_SERVICE,
            source,
        }),
    }
}

/// Orders in memory, in place of a database.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<BTreeMap<u64, Order>>>);

impl Orders {
    #[instrument(name = "insert_order", skip_all)]
    fn insert(&self, new: NewOrder) -> Order {
        let NewOrder { item, quantity } = new;
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = orders.last_key_value().map_or(1, |(last, _)| last + 1);
        let order = Order { id, item, quantity };
        orders.insert(id, order.clone());
        if orders.len() > MAX_ORDERS {
            orders.pop_first();
        }
        order
    }

    #[instrument(name = "find_order", skip_all, fields(order.id = id))]
    fn find(&self, id: u64) -> Result<Order, AppError> {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let order = orders.get(&id).cloned();
        order.ok_or_else(|| AppError::NotFound(format!("order {id}")))
    }
}

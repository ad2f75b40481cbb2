//! Rebuilds the program when a migration is added.
//!
//! `sqlx::migrate!` embeds the migrations at compile time, and cargo does not watch their folder by itself.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}

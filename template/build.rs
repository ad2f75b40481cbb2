//! `sqlx::migrate!` puts the migrations into the program, and cargo would not notice a new one.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}

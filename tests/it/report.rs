//! What zdm shows: plans for people and as a script, and every JSON output against its schema.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod plan;
mod sample;
pub(crate) mod schema;
mod schemas;

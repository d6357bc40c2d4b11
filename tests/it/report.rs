//! What zdm shows: plans for people and as a script, and every JSON output against its schema.

mod events;
mod findings;
mod plan;
mod sample;
pub(crate) mod schema;
mod schemas;

//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod apply;
mod introspect;
mod bare;
mod checks;
mod guard;
mod journal;
mod lease;
mod lints;
mod sandbox;
mod snapshot;

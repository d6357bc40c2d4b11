//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod introspect;
mod bare;
mod checks;
mod effects;
mod guard;
mod journal;
mod lease;
mod replay;
mod sandbox;
mod snapshot;

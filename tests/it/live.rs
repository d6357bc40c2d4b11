//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod apply;
mod introspect;
mod bare;
mod case;
mod checks;
mod guard;
mod journal;
mod lease;
mod sandbox;
mod snapshot;
mod sync_trigger;

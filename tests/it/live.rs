//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod activity;
mod apply;
mod backfill;
mod bare;
mod case;
mod checks;
mod demo;
mod effects;
mod guard;
mod introspect;
mod journal;
mod lease;
mod lints;
mod replay;
mod sandbox;
mod snapshot;
mod sync_trigger;

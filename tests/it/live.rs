//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod activity;
mod alter_type;
mod apply;
mod backfill;
mod bare;
mod case;
mod chaos;
mod chaos_series;
mod checks;
mod demo;
mod effects;
mod guard;
mod guard_ends;
mod histories;
mod histories_replay;
mod in_flight;
mod introspect;
mod journal;
mod keys;
mod lease;
mod lints;
mod replay;
mod sandbox;
mod snapshot;
mod sync_trigger;
mod traffic;

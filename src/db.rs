//! Talking to PostgreSQL. The only module that names `sqlx`.
//!
//! Everything goes through the simple query protocol with values written as literals
//! ([`bind()`]): no prepared statement and no session state is relied on, so it works the same
//! behind a pooler in transaction mode (pitfall 40).
//! Next: [`session`] for one connection, [`activity`] for who else is at work, [`mod@introspect`]
//! for the catalog.

pub mod activity;
pub mod introspect;
pub mod server;
pub mod session;
pub mod writes;

mod bind;
mod notices;

pub use bind::{Value, bind};
pub use introspect::introspect;
pub use notices::{Notice, Severity};
pub use server::{ServerInfo, server_info};
pub use session::{Batch, BatchError, DbError, Failure, Row, Session, Target, get, one_value};
pub use writes::{counting_for, writes};

//! zdm takes plain SQL migrations and runs them on a live PostgreSQL with no failed request.
//!
//! The modules in reading order, which is the order of the pipeline:
//!
//! - [`source`], [`ident`], [`diagnostic`]: text and places in it, names, findings.
//! - [`parse`]: from text to statements; never fails.
//! - [`catalog`]: what exists at one point of a history.
//! - [`effects`]: what PostgreSQL does when it runs a statement; the only place that knows.
//! - [`lint`]: findings about what a statement does.
//! - [`plan`]: a statement split into expand, migrate and contract.
//! - [`mod@fix`]: safe equivalents of what lint finds, as plain SQL.
//! - [`report`]: findings, plans and states as text and JSON.
//! - [`db`]: talking to PostgreSQL.
//! - [`execute`]: running a plan; the only module that changes a user's database.
//! - [`progress`]: bars and lines while a plan runs.
//! - [`sandbox`]: a private, throw-away server.
//! - [`trace`]: a migration on such a server, watched, beside what [`mod@effects`] says of it.
//! - [`demo`]: a migration under traffic on such a server, measured and checked.
//! - [`config`]: `zdm.toml`, the environment, the folder of migrations.
//! - [`lsp`]: findings, hovers and quick fixes for an editor.
//! - [`cli`]: the command line.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod db;
pub mod demo;
pub mod diagnostic;
pub mod effects;
pub mod execute;
pub mod fix;
pub mod ident;
pub mod lint;
pub mod lsp;
pub mod parse;
pub mod plan;
pub mod progress;
pub mod report;
pub mod sandbox;
pub mod source;
pub mod trace;

//! What the server says while a statement runs: NOTICE, WARNING and its own DEBUG messages.
//!
//! The driver hands them to `tracing` only, so they are taken from there, for one future and no
//! other. Next: [`crate::db::session`] for the connection that they come from.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    instrument::WithSubscriber as _,
    span,
};

use crate::db::session::{DbError, Session};

/// Where the driver says them.
const TARGET: &str = "sqlx::postgres::notice";

/// How much a message matters to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `DEBUG1` to `DEBUG5`.
    Debug,
    /// `INFO` and `LOG`.
    Info,
    /// `NOTICE`.
    Notice,
    /// `WARNING`.
    Warning,
}

/// One message of the server that is not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// Its text.
    pub text: String,
}

impl Session {
    /// As [`Session::run`], with what the server said meanwhile. How much it says is up to the
    /// setting `client_min_messages`.
    pub async fn run_heard(&mut self, sql: &str) -> (Result<u64, DbError>, Vec<Notice>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener {
            heard: Arc::clone(&heard),
        };
        let outcome = self.run(sql).with_subscriber(listener).await;
        let notices = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        (outcome, notices)
    }
}

/// Keeps what the driver hands on of the server's messages, and nothing else.
struct Listener {
    heard: Arc<Mutex<Vec<Notice>>>,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = *event.metadata().level();
        let severity = if level == Level::DEBUG {
            Severity::Debug
        } else if level == Level::TRACE {
            Severity::Info
        } else if level == Level::INFO {
            Severity::Notice
        } else {
            Severity::Warning
        };
        let mut text = Text(String::new());
        event.record(&mut text);
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Notice {
                severity,
                text: text.0,
            });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

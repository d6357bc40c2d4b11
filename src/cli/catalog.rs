//! The catalog of a live database, for commands that only read.

use jiff::Timestamp;

use crate::{
    catalog::Catalog,
    cli::{CliError, output},
    config::Settings,
    db::Session,
    execute::{event::Events, patience::Patience, signals::Stop},
    report::events,
};

/// Reads it, and says on stderr who is in the way when that takes a while.
pub async fn read(session: &mut Session, settings: &Settings) -> Result<Catalog, CliError> {
    let (sender, mut receiver) = Events::channel("", Timestamp::now);
    let patience = Patience {
        locks: &settings.execute.locks,
        stop: &Stop::new(),
        events: &sender,
    };
    let catalog = patience.catalog(session, &settings.execute.journal_schema);
    tokio::pin!(catalog);
    loop {
        tokio::select! {
            biased;
            Some(event) = receiver.recv() => output::note(&format!("{}\n", events::line(&event))),
            catalog = &mut catalog => return Ok(catalog?),
        }
    }
}

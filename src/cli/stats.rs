//! `zdm stats`.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    catalog::{
        Stats,
        stats::{STATS_VERSION, TableStats},
    },
    cli::{
        CliError, ErrorCode, Exit, Format, catalog,
        connect::{self, ConnectArgs},
        output,
    },
    config::{Config, duration},
    db::{self, Session},
    report::json,
};

/// Print the sizes of all tables, for lint and plan where no database is at hand.
///
/// Write it to zdm-stats.toml beside zdm.toml (zdm stats > zdm-stats.toml) and commit it: rows,
/// bytes and rows written per second, and no data. Without it, sizes that are not known count as
/// large. The database is only read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to count writes, where the server does not say since when it has counted; 0s
    /// leaves them out.
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "5s")]
    sample: Duration,
    #[command(flatten)]
    connect: ConnectArgs,
    /// How to show it: TOML, or the same as JSON.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// The first lines of the file.
const HEADER: &str = "# Sizes of tables and how much is written to them, without data.\n\
                      # zdm lint and zdm plan read this; `zdm stats > zdm-stats.toml` writes it anew.\n\n";

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let target = connect::target(&args.connect, &config.settings)?;
    let mut session = connect::open(&target, "stats").await?;
    let stats = read(&mut session, args.sample, config).await?;
    output::result(&match args.format {
        Format::Human => {
            let text = toml::to_string(&stats).map_err(|error| {
                CliError::new(
                    ErrorCode::Database,
                    format!("the sizes cannot be written as TOML: {error}"),
                )
            })?;
            format!("{HEADER}{text}")
        }
        Format::Json => json::pretty(&stats),
    });
    Ok(Exit::Done)
}

async fn read(session: &mut Session, sample: Duration, config: &Config) -> Result<Stats, CliError> {
    let catalog = catalog::read(session, &config.settings).await?;
    let database = session
        .value::<String>("SELECT pg_catalog.current_database()::text")
        .await?;
    let (rates, counted) = rates(session, sample).await?;
    let tables = catalog
        .tables
        .iter()
        .filter_map(|(name, table)| {
            let size = table.size?;
            let stats = TableStats {
                rows: size.rows,
                bytes: size.bytes,
                writes_per_second: rates.get(name).copied(),
            };
            Some((name.clone(), stats))
        })
        .collect();
    Ok(Stats {
        version: STATS_VERSION,
        database,
        taken_at: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        pg_version: catalog.version,
        writes_counted_for_seconds: counted,
        tables,
    })
}

type Rates = std::collections::BTreeMap<crate::ident::ObjectName, f64>;

/// Rows written per second, and over how many seconds that was counted.
async fn rates(session: &mut Session, sample: Duration) -> Result<(Rates, Option<u64>), CliError> {
    let per_second = |writes: u64, time: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
        let rate = writes as f64 / time.as_secs_f64();
        (rate * 100.0).round() / 100.0
    };
    let known = db::counting_for(session).await?;
    if let Some(time) = known.filter(|time| time.as_secs() >= 60) {
        let rates = db::writes(session).await?;
        let rates = rates
            .into_iter()
            .map(|(name, writes)| (name, per_second(writes, time)));
        return Ok((rates.collect(), Some(time.as_secs())));
    }
    if sample.is_zero() {
        return Ok((Rates::new(), None));
    }
    let first = db::writes(session).await?;
    let started = std::time::Instant::now();
    tokio::time::sleep(sample).await;
    let then = db::writes(session).await?;
    let time = started.elapsed();
    let rates = then.into_iter().map(|(name, writes)| {
        let before = first.get(&name).copied().unwrap_or(writes);
        (name, per_second(writes.saturating_sub(before), time))
    });
    Ok((rates.collect(), Some(time.as_secs())))
}

//! Which database: `--database-url`, `DATABASE_URL`, libpq's `PG*`, `zdm.toml`, in that order.

use crate::{
    cli::{CliError, ErrorCode},
    config::Settings,
    db::{Session, Target},
};

/// Which database.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConnectArgs {
    /// Where to connect to, as a postgres:// URL; otherwise DATABASE_URL, libpq's PG* variables,
    /// or zdm.toml, in that order.
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    pub database_url: Option<String>,
}

/// The variables of libpq that name a server or a database.
const NAMING_VARIABLES: [&str; 5] = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"];

/// Where a target came from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Url(String),
    Variables,
}

fn origin(
    flag: Option<&str>,
    settings: &Settings,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<Origin> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(url) = flag.map(str::to_owned).or_else(|| set("DATABASE_URL")) {
        return Some(Origin::Url(url));
    }
    if NAMING_VARIABLES.iter().any(|name| set(name).is_some()) {
        return Some(Origin::Variables);
    }
    settings.database_url.clone().map(Origin::Url)
}

/// The database that arguments, environment and configuration name.
pub fn target(args: &ConnectArgs, settings: &Settings) -> Result<Target, CliError> {
    let variable = |name: &str| std::env::var(name).ok();
    match origin(args.database_url.as_deref(), settings, variable) {
        Some(Origin::Url(url)) => Target::from_url(&url).map_err(|error| {
            // The URL itself may hold a password, so it is not repeated.
            CliError::new(
                ErrorCode::NoDatabase,
                format!("the database URL cannot be used: {}", error.message),
            )
            .with_hint("Write it as postgres://user:password@host:5432/database.")
        }),
        Some(Origin::Variables) => Ok(Target::from_env()),
        None => Err(CliError::new(ErrorCode::NoDatabase, "no database is named")
            .with_hint("Give --database-url, set DATABASE_URL or PGHOST, or write `[database] url` in zdm.toml.")),
    }
}

/// Connects, or says to where it could not.
pub async fn open(target: &Target, purpose: &str) -> Result<Session, CliError> {
    Session::open(target, purpose).await.map_err(|error| {
        CliError::new(
            ErrorCode::Connection,
            format!("cannot connect to {}: {}", target.describe(), error.message),
        )
        .with_hint(
            "Check the host, the port and the network; `psql` with the same URL must connect.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>) -> Settings {
        Settings {
            database_url: url.map(str::to_owned),
            ..Settings::default()
        }
    }

    #[test]
    fn what_is_nearer_comes_first() {
        let all = |name: &str| Some(format!("from {name}"));
        let libpq = |name: &str| (name == "PGDATABASE").then(|| "app".to_owned());
        let none = |_: &str| None;
        let empty = |_: &str| Some(String::new());
        let file = settings(Some("from the file"));
        let url = |text: &str| Some(Origin::Url(text.to_owned()));
        assert_eq!(origin(Some("flag"), &file, all), url("flag"));
        assert_eq!(origin(None, &file, all), url("from DATABASE_URL"));
        assert_eq!(origin(None, &file, libpq), Some(Origin::Variables));
        assert_eq!(origin(None, &file, none), url("from the file"));
        assert_eq!(origin(None, &file, empty), url("from the file"));
        assert_eq!(origin(None, &settings(None), none), None);
    }

    #[test]
    fn a_bad_url_is_refused_without_its_password() {
        let args = ConnectArgs {
            database_url: Some("postgres://me:s3cret@host:notaport/app".into()),
        };
        let error = target(&args, &settings(None)).unwrap_err();
        assert_eq!(error.exit().code(), 2);
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

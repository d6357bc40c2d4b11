//! `zdm reset`: drops a database and makes it anew, as empty as it was made.
//!
//! For development. Only a database on this machine, or one that was named in full, and never
//! while anybody else is connected: nobody is disconnected.
//! Next: [`crate::execute::fresh`] applies the files to it.

use serde::Deserialize;

use crate::{
    db::{Session, Target, activity::json_rows},
    execute::{Runner, driver::connect, error::ExecuteError, fresh::alone},
    ident::{Ident, quote_literal},
};

/// What `zdm reset` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// The name of the database, repeated.
    pub named: Option<String>,
}

/// How a database was made.
#[derive(Debug, Deserialize)]
struct Made {
    owner: String,
    encoding: String,
    collate: String,
    ctype: String,
    provider: String,
    locale: Option<String>,
    tablespace: String,
    settings: Vec<String>,
}

/// Refuses a database that may not be meant.
pub fn allowed(target: &Target, request: &ResetRequest) -> Result<(), ExecuteError> {
    let name = target.database();
    let refused = |message: String, next: String| {
        Err(ExecuteError::Refused {
            code: "reset-not-meant",
            message,
            next,
        })
    };
    match &request.named {
        Some(named) if *named != name => refused(
            format!("--database says {named}, and the connection is to {name}"),
            "Name the database that the connection is to.".to_owned(),
        ),
        Some(_) => Ok(()),
        None if target.is_on_this_machine() => Ok(()),
        None => refused(
            format!("{} is not on this machine", target.describe()),
            format!("If everything in it is to go, run zdm reset --database {name}."),
        ),
    }
}

/// Drops the database and makes it anew, with its owner, encoding, collation and settings.
pub async fn reset(runner: &Runner, request: &ResetRequest) -> Result<(), ExecuteError> {
    allowed(&runner.target, request)?;
    let name = Ident::exact(runner.target.database());
    let mut inside = connect(&runner.target, "reset").await?;
    alone(&mut inside).await?;
    let made = how_it_was_made(&mut inside).await?;
    inside
        .close()
        .await
        .map_err(|error| ExecuteError::from_db("leaving the database", error))?;
    let mut outside = beside(&runner.target).await?;
    let failed = |error| ExecuteError::from_db("making the database anew", error);
    let create = create_sql(&name, &made);
    outside
        .run(&format!("DROP DATABASE {name}"))
        .await
        .map_err(failed)?;
    if let Err(error) = outside.run(&create).await {
        return Err(ExecuteError::StateUnknown {
            message: format!("the database {name} was dropped, and could not be made: {error}"),
            next: format!("Make it by hand: {create}"),
        });
    }
    for setting in &made.settings {
        outside
            .run(&format!(
                "ALTER DATABASE {name} SET {}",
                setting_sql(setting)
            ))
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// A session in another database of the server.
async fn beside(target: &Target) -> Result<Session, ExecuteError> {
    let own = target.database();
    let mut last = None;
    for name in ["postgres", "template1"] {
        if name == own {
            continue;
        }
        match Session::open(&target.with_database(name), "reset").await {
            Ok(session) => return Ok(session),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(ExecuteError::Connect { error }),
        None => Err(ExecuteError::Refused {
            code: "reset-not-meant",
            message: format!("{own} cannot be dropped from within itself"),
            next: "Use a database of your own.".to_owned(),
        }),
    }
}

async fn how_it_was_made(session: &mut Session) -> Result<Made, ExecuteError> {
    let doing = "asking how the database was made";
    // The columns of the locale have other names, or are not there, in other versions.
    let sql = "SELECT pg_catalog.pg_get_userbyid(d.datdba)::text AS owner, \
        pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, \
        d.datcollate::text AS collate, d.datctype::text AS ctype, \
        coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') AS provider, \
        coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', \
                 pg_catalog.to_jsonb(d) ->> 'daticulocale') AS locale, \
        t.spcname::text AS tablespace, \
        coalesce((SELECT pg_catalog.to_jsonb(s.setconfig) FROM pg_catalog.pg_db_role_setting s \
                  WHERE s.setdatabase = d.oid AND s.setrole = 0), '[]') AS settings \
        FROM pg_catalog.pg_database d \
        JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace \
        WHERE d.datname = pg_catalog.current_database()";
    let rows: Vec<Made> = json_rows(session, sql)
        .await
        .map_err(|error| ExecuteError::from_db(doing, error))?;
    rows.into_iter()
        .next()
        .ok_or_else(|| ExecuteError::StateUnknown {
            message: "the server does not know the database of this session".to_owned(),
            next: "Check the connection.".to_owned(),
        })
}

fn create_sql(name: &Ident, made: &Made) -> String {
    let provider = match (made.provider.as_str(), &made.locale) {
        ("i", Some(locale)) => {
            format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", quote_literal(locale))
        }
        ("b", Some(locale)) => {
            format!(
                " LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
                quote_literal(locale)
            )
        }
        (_, _) => String::new(),
    };
    format!(
        "CREATE DATABASE {name} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}\
         {provider} TABLESPACE {}",
        Ident::exact(&made.owner),
        quote_literal(&made.encoding),
        quote_literal(&made.collate),
        quote_literal(&made.ctype),
        Ident::exact(&made.tablespace),
    )
}

/// `name = value` from the catalog's `name=value`. Lists of names are kept as the catalog has them.
fn setting_sql(setting: &str) -> String {
    let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
    let list = [
        "search_path",
        "session_preload_libraries",
        "local_preload_libraries",
    ];
    if list.contains(&name) && !value.is_empty() {
        return format!("{name} TO {value}");
    }
    format!("{name} TO {}", quote_literal(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_machine_and_another_name_are_refused() {
        let target = |url: &str| Target::from_url(url).unwrap();
        let plain = ResetRequest { named: None };
        let named = |name: &str| ResetRequest {
            named: Some(name.into()),
        };
        for url in [
            "postgres://me@localhost/app",
            "postgres://me@127.0.0.1/app",
            "postgres://me@127.8.0.1/app",
            "postgres://me@[::1]/app",
            "postgres:///app?host=/tmp",
        ] {
            assert!(allowed(&target(url), &plain).is_ok(), "{url}");
        }
        for url in [
            "postgres://me@db.example.com/app",
            "postgres://me@10.0.0.1/app",
            "postgres://me@localhost.example.com/app",
        ] {
            let refused = allowed(&target(url), &plain).unwrap_err();
            assert!(refused.next().unwrap().contains("--database app"));
            assert!(allowed(&target(url), &named("app")).is_ok());
            assert!(allowed(&target(url), &named("other")).is_err());
        }
    }

    #[test]
    fn settings_are_written_as_they_were() {
        assert_eq!(setting_sql("work_mem=4MB"), "work_mem TO '4MB'");
        assert_eq!(
            setting_sql("search_path=\"$user\", app"),
            "search_path TO \"$user\", app"
        );
    }
}

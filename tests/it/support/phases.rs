//! Whole migrations on a database: plainly, as any other tool would run the file, and by zdm, phase
//! by phase, in this process.

use jiff::Timestamp;
use sqlx::PgConnection;
use zdm::{
    catalog::{Catalog, PgVersion, apply as replay},
    db::{Session, Target},
    diagnostic::Diagnostic,
    execute::{
        ExecuteError, ExecuteSettings, Runner, Stop,
        apply::{ApplyError, ApplyRequest, MigrationFile, OutOfOrder, Through, apply, plan_file},
        backfill,
        driver::{Consent, DriftPolicy},
        event::Events,
        journal::{Journal, MigrationState},
        rollback::rollback,
        throttle,
        verify::verify,
    },
    ident::Ident,
    parse::{PhaseName, checksum, parse},
    plan::{LateExpandPolicy, MigrationName, PlanSettings, Planned, Sizes, Tighten},
    source::SourceFile,
};

use super::server::{Db, try_run};

/// A migration of that text.
pub(crate) fn migration(id: &str, name: &str, sql: &str) -> MigrationFile {
    let script = parse(SourceFile::new("migration.sql", sql));
    MigrationFile {
        name: MigrationName {
            id: id.into(),
            name: name.into(),
        },
        checksum: checksum(&script),
        script,
        source: sql.to_owned(),
    }
}

/// How plans are made here.
pub(crate) fn plan_settings() -> PlanSettings {
    PlanSettings {
        tighten: Tighten::Migrate,
        late_expand: LateExpandPolicy::Refuse,
        sizes: Sizes::Known,
        journal_schema: Ident::exact("zdm"),
        secret: "secret".into(),
        database: None,
    }
}

/// The catalog that a script leaves in an empty database, without a server.
pub(crate) fn replayed(version: u32, schema: &str) -> Catalog {
    let version = PgVersion::from_major(version).expect("a supported version");
    let script = parse(SourceFile::new("schema.sql", schema));
    let mut catalog = Catalog::empty(version);
    for statement in &script.statements {
        replay(&mut catalog, statement, schema);
    }
    catalog
}

/// Runs the statements of a script one after the other, each for itself, and stops at the first
/// that fails. Directives are comments here.
pub(crate) async fn plainly(conn: &mut PgConnection, sql: &str) -> Result<(), String> {
    for statement in &parse(SourceFile::new("migration.sql", sql)).statements {
        let text = statement.span.of(sql);
        try_run(conn, text)
            .await
            .map_err(|error| format!("{error}\nin: {text}"))?;
    }
    Ok(())
}

/// zdm at work on one database with one migration.
pub(crate) struct Zdm {
    runner: Runner,
    file: MigrationFile,
}

impl Zdm {
    /// Takes over a database, which may have tables.
    pub(crate) async fn adopt(db: &Db, file: MigrationFile) -> Self {
        let (events, _receiver) = Events::channel("", Timestamp::now);
        let runner = Runner {
            target: Target::from_url(&db.url).expect("a PostgreSQL URL"),
            settings: ExecuteSettings::default(),
            backfill: backfill::Settings::default(),
            throttle: throttle::Settings::default(),
            events,
            stop: Stop::new(),
            seed: 7,
            started: Timestamp::now(),
        };
        let mut session = Session::open(&runner.target, "test")
            .await
            .expect("connects");
        Journal::adopt_from_none(&mut session, &Ident::exact("zdm"))
            .await
            .expect("the journal is made");
        Self { runner, file }
    }

    /// The plan on the database as it is now.
    pub(crate) async fn plan(&self) -> Planned {
        let mut session = Session::open(&self.runner.target, "test")
            .await
            .expect("connects");
        let catalog = zdm::db::introspect(&mut session, &zdm::ident::Ident::exact("zdm"))
            .await
            .expect("reads the catalog");
        plan_file(&self.file, &catalog, &plan_settings())
    }

    /// Runs one phase; what it says when it does not get to the end of it.
    pub(crate) async fn phase(&self, phase: PhaseName) -> Result<(), Stopped> {
        let request = ApplyRequest {
            only: vec![self.file.name.id.clone()],
            to: None,
            through: Through::Phase(phase),
            out_of_order: OutOfOrder::WhenDisjoint,
            drift: DriftPolicy::Refuse,
            plan: plan_settings(),
        };
        let files = std::slice::from_ref(&self.file);
        let applied = apply(&self.runner, files, &request).await?;
        let wanted = match phase {
            PhaseName::Expand => MigrationState::Expanded,
            PhaseName::Migrate => MigrationState::Migrated,
            PhaseName::Contract => MigrationState::Done,
        };
        let states: Vec<MigrationState> = applied.iter().map(|one| one.state).collect();
        assert_eq!(states, [wanted], "after {phase:?}");
        Ok(())
    }

    /// Goes back.
    pub(crate) async fn rollback(&self, consent: Consent) -> Result<(), Stopped> {
        let back = rollback(&self.runner, None, consent)
            .await
            .map_err(Stopped::Run)?;
        assert_eq!(back.state, MigrationState::RolledBack);
        Ok(())
    }

    /// What `zdm verify` finds wrong.
    pub(crate) async fn wrong(&self) -> Vec<String> {
        let checked = verify(&self.runner, None).await.expect("looks");
        checked
            .into_iter()
            .filter_map(|one| Some(format!("{}: {}", one.what, one.wrong?)))
            .collect()
    }
}

/// Why zdm stopped.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The plan is refused, and nothing was done.
    Refused(Vec<Diagnostic>),
    /// While it ran.
    Run(ExecuteError),
}

impl From<ApplyError> for Stopped {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Execute(error) => Self::Run(error),
            ApplyError::Plan { diagnostics, .. } => Self::Refused(diagnostics),
        }
    }
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(diagnostics) => {
                for diagnostic in diagnostics {
                    writeln!(f, "{}: {}", diagnostic.rule, diagnostic.message)?;
                }
                Ok(())
            }
            Self::Run(error) => {
                write!(f, "{error}")?;
                if let ExecuteError::StepFailed { error, .. } = error {
                    write!(
                        f,
                        ": {error}, in: {}",
                        error.statement.as_deref().unwrap_or("?")
                    )?;
                }
                if let Some(next) = error.next() {
                    write!(f, " ({next})")?;
                }
                Ok(())
            }
        }
    }
}

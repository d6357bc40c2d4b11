//! The one list of keys of `zdm.toml`: path, default, and what each means.
//!
//! The reference page is made from it, and an unknown key is compared with it.

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// `database.url`
    DatabaseUrl,
    /// `database.stats`
    DatabaseStats,
    /// `migrations.dir`
    MigrationsDir,
    /// `migrations.layout`
    MigrationsLayout,
    /// `locks.budget`
    LocksBudget,
    /// `locks.max_wait`
    LocksMaxWait,
    /// `locks.max_hold`
    LocksMaxHold,
    /// `locks.cancel_blockers_older_than`
    LocksCancel,
    /// `locks.terminate_blockers_older_than`
    LocksTerminate,
    /// `backfill.batch_time`
    BackfillBatchTime,
    /// `backfill.max_lag`
    BackfillMaxLag,
    /// `backfill.max_active`
    BackfillMaxActive,
    /// `backfill.without_monitor`
    BackfillWithoutMonitor,
    /// `contract.window`
    ContractWindow,
    /// `contract.time_zone`
    ContractTimeZone,
    /// `contract.min_age`
    ContractMinAge,
    /// `plan.tighten`
    PlanTighten,
    /// `plan.late_expand`
    PlanLateExpand,
    /// `plan.sizes`
    PlanSizes,
    /// `order.strict`
    OrderStrict,
    /// `lint.fail_on`
    LintFailOn,
    /// `lint.baseline`
    LintBaseline,
    /// `lint.levels`
    LintLevels,
    /// `lint.rules`
    LintRules,
    /// `lint.custom`
    LintCustom,
    /// `lint.small_table`
    LintSmallTable,
    /// `lint.runner`
    LintRunner,
    /// `role.name`
    RoleName,
    /// `journal.schema`
    JournalSchema,
    /// `history.tool`
    HistoryTool,
    /// `history.table`
    HistoryTable,
    /// `history.mirror`
    HistoryMirror,
}

impl Key {
    /// All, in the order of the reference page.
    pub const ALL: [Self; 32] = [
        Self::DatabaseUrl,
        Self::DatabaseStats,
        Self::MigrationsDir,
        Self::MigrationsLayout,
        Self::LocksBudget,
        Self::LocksMaxWait,
        Self::LocksMaxHold,
        Self::LocksCancel,
        Self::LocksTerminate,
        Self::BackfillBatchTime,
        Self::BackfillMaxLag,
        Self::BackfillMaxActive,
        Self::BackfillWithoutMonitor,
        Self::ContractWindow,
        Self::ContractTimeZone,
        Self::ContractMinAge,
        Self::PlanTighten,
        Self::PlanLateExpand,
        Self::PlanSizes,
        Self::OrderStrict,
        Self::LintFailOn,
        Self::LintBaseline,
        Self::LintLevels,
        Self::LintRules,
        Self::LintCustom,
        Self::LintSmallTable,
        Self::LintRunner,
        Self::RoleName,
        Self::JournalSchema,
        Self::HistoryTool,
        Self::HistoryTable,
        Self::HistoryMirror,
    ];

    /// Its section and its name there.
    pub fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::DatabaseUrl => ("database", "url"),
            Self::DatabaseStats => ("database", "stats"),
            Self::MigrationsDir => ("migrations", "dir"),
            Self::MigrationsLayout => ("migrations", "layout"),
            Self::LocksBudget => ("locks", "budget"),
            Self::LocksMaxWait => ("locks", "max_wait"),
            Self::LocksMaxHold => ("locks", "max_hold"),
            Self::LocksCancel => ("locks", "cancel_blockers_older_than"),
            Self::LocksTerminate => ("locks", "terminate_blockers_older_than"),
            Self::BackfillBatchTime => ("backfill", "batch_time"),
            Self::BackfillMaxLag => ("backfill", "max_lag"),
            Self::BackfillMaxActive => ("backfill", "max_active"),
            Self::BackfillWithoutMonitor => ("backfill", "without_monitor"),
            Self::ContractWindow => ("contract", "window"),
            Self::ContractTimeZone => ("contract", "time_zone"),
            Self::ContractMinAge => ("contract", "min_age"),
            Self::PlanTighten => ("plan", "tighten"),
            Self::PlanLateExpand => ("plan", "late_expand"),
            Self::PlanSizes => ("plan", "sizes"),
            Self::OrderStrict => ("order", "strict"),
            Self::LintFailOn => ("lint", "fail_on"),
            Self::LintBaseline => ("lint", "baseline"),
            Self::LintLevels => ("lint", "levels"),
            Self::LintRules => ("lint", "rules"),
            Self::LintCustom => ("lint", "custom"),
            Self::LintSmallTable => ("lint", "small_table"),
            Self::LintRunner => ("lint", "runner"),
            Self::RoleName => ("role", "name"),
            Self::JournalSchema => ("journal", "schema"),
            Self::HistoryTool => ("history", "tool"),
            Self::HistoryTable => ("history", "table"),
            Self::HistoryMirror => ("history", "mirror"),
        }
    }

    /// Its default as it would be written, or in words when it is not set.
    pub fn default_text(self) -> &'static str {
        match self {
            Self::DatabaseUrl | Self::LintBaseline => "not set",
            Self::DatabaseStats => "`zdm-stats.toml`, when there is one",
            Self::MigrationsDir => {
                "the first of `migrations`, `db/migrations`, `db/migrate`, `prisma/migrations`"
            }
            Self::MigrationsLayout => "detected",
            Self::LocksBudget => "\"10m\"",
            Self::LocksMaxWait | Self::BackfillBatchTime => "\"100ms\"",
            Self::LocksMaxHold => "\"2s\"",
            Self::LocksCancel => "not set: nobody is cancelled",
            Self::LocksTerminate => "not set: nobody is disconnected",
            Self::BackfillMaxLag => "\"10s\"",
            Self::BackfillMaxActive => "not set: any number",
            Self::ContractWindow => "not set: at any time",
            Self::ContractTimeZone => "\"UTC\"",
            Self::ContractMinAge => "\"0s\"",
            Self::PlanTighten => "\"migrate\"",
            Self::BackfillWithoutMonitor | Self::PlanLateExpand => "\"refuse\"",
            Self::PlanSizes => "\"known\"",
            Self::OrderStrict | Self::HistoryMirror => "false",
            Self::LintFailOn => "\"warning\"",
            Self::LintLevels => "empty: the levels of the rules' pages",
            Self::LintRules | Self::LintCustom => "empty",
            Self::LintSmallTable => "\"1MB\"",
            Self::LintRunner => "\"statements\"",
            Self::RoleName => "not set: the role that connects",
            Self::JournalSchema => "\"zdm\"",
            Self::HistoryTool => {
                "not set: found by its table; for `mirror`, the tool that was adopted"
            }
            Self::HistoryTable => "not set: the tool's usual name, in any schema",
        }
    }

    /// What it means.
    pub fn doc(self) -> &'static str {
        match self {
            Self::DatabaseUrl => {
                "Where to connect to, as a `postgres://` URL.\n\
                 `--database-url`, `DATABASE_URL` and libpq's `PG*` variables come before it, in that order."
            }
            Self::DatabaseStats => {
                "The file of sizes that `zdm stats` wrote, relative to the folder of `zdm.toml`; lint and plan read it where no database is at hand.\n\
                 The one of the usual name need not exist."
            }
            Self::MigrationsDir => {
                "The folder of migrations, relative to the folder of `zdm.toml`."
            }
            Self::MigrationsLayout => {
                "How the folder is laid out, when it is not to be detected: `\"plain\"`, `\"up-down\"`, `\"diesel\"`, `\"prisma\"`, `\"flyway\"`, `\"dbmate\"`, `\"goose\"`, `\"sql-migrate\"`, `\"rails\"` or `\"django\"`."
            }
            Self::LocksBudget => {
                "How long zdm goes on trying to get the locks of one step before it stops safely (exit code 3)."
            }
            Self::LocksMaxWait => {
                "The longest that any client waits behind zdm at a time while zdm asks for a lock."
            }
            Self::LocksMaxHold => {
                "The longest that a statement may run while it holds a lock that stops clients."
            }
            Self::LocksCancel => {
                "Cancel the query of a session that has been in the way of a lock for longer than this.\n\
                 Replication and anti-wraparound vacuum are never cancelled."
            }
            Self::LocksTerminate => {
                "Close the connection of a session that has been in the way of a lock for longer than this."
            }
            Self::BackfillBatchTime => {
                "How long one batch of a backfill may take; it is also how long a row stays locked."
            }
            Self::BackfillMaxLag => {
                "A backfill waits while a standby's replay is further behind than this."
            }
            Self::BackfillMaxActive => {
                "A backfill waits while more client sessions than this are at work, zdm's own not counted."
            }
            Self::BackfillWithoutMonitor => {
                "What a role without `pg_monitor` means for a backfill, which then cannot see replication lag and other sessions: to `\"refuse\"` it before anything is changed, or to `\"accept\"` that it goes on without waiting for them."
            }
            Self::PlanTighten => {
                "When a constraint on an existing column starts to refuse rows: in `\"migrate\"`, or at the start of `\"contract\"`."
            }
            Self::PlanSizes => {
                "Which sizes of tables decide between one statement and many: `\"known\"` ones, or `\"large\"`, as on a small copy of a large database."
            }
            Self::ContractWindow => {
                "When contract may begin: days and hours, several separated by commas, as `\"Sat 02:00-05:00\"` or `\"Mon-Fri 22:00-04:00, Sun 00:00-24:00\"`.\n\
                 A window past midnight belongs to the day on which it opens.\n\
                 Outside, `zdm apply` refuses contract and says when the next one opens; `--ignore-window` passes that for one run."
            }
            Self::ContractTimeZone => {
                "The time zone of `window`, by its IANA name, such as `\"Europe/Berlin\"`."
            }
            Self::ContractMinAge => {
                "How long after the end of migrate contract may begin, so that both shapes stand for a while."
            }
            Self::PlanLateExpand => {
                "What to do with a plan in which the new application has to wait for contract: `\"refuse\"` it, or `\"accept\"`, as `--allow-late-expand` does for one run."
            }
            Self::OrderStrict => {
                "Refuse a migration below the last applied one even when it touches nothing that later ones touched."
            }
            Self::LintFailOn => {
                "The lowest level that makes `zdm lint` exit with 1: `\"error\"`, `\"warning\"`, `\"info\"` or `\"none\"`."
            }
            Self::LintBaseline => {
                "The file of findings that were there before and are not reported, relative to the folder of `zdm.toml`; `zdm lint --write-baseline` writes it."
            }
            Self::LintLevels => {
                "A table of rules and what their findings count as: `\"error\"`, `\"warning\"`, `\"info\"` or `\"off\"`."
            }
            Self::LintRules => {
                "A table of rules, each with `level` as in `levels`, `paths`, and the options that its page names.\n\
                 `paths` is a list of globs of the files that the rule looks at; those that begin with `!` are left out."
            }
            Self::LintCustom => {
                "Rules of your own, each a `[[lint.custom]]` table; [what it may hold](#lintcustom) and [the guide](../guide/custom-rules.md)."
            }
            Self::LintSmallTable => {
                "Work on tables of at most this size is over in a moment, so that what blocks clients meanwhile is reported as `info`, if the size is known: a number with `kB`, `MB` or `GB`, or 0."
            }
            Self::LintRunner => {
                "How the files are run: each statement in a transaction of its own unless the file opens one (`\"statements\"`, as zdm does), each file in one transaction (`\"one-transaction\"`), or each file as one string, which is one transaction as well unless it has just one statement (`\"one-string\"`: golang-migrate, `psql -c`).\n\
                 A file that asks its tool for no transaction is taken as statements, or as one string where that tool sends it so (sqlx, dbmate, diesel) and this is not `\"statements\"`."
            }
            Self::RoleName => {
                "The role that every migration runs as (`SET LOCAL ROLE`), so that objects keep the application's owner."
            }
            Self::JournalSchema => "The schema in which zdm keeps its records.",
            Self::HistoryTool => {
                "The other tool whose history `zdm adopt` takes over: `\"sqlx\"`, `\"flyway\"`, `\"prisma\"`, `\"diesel\"`, `\"goose\"`, `\"dbmate\"`, `\"migrate\"`, `\"refinery\"`, `\"rails\"` or `\"django\"`."
            }
            Self::HistoryTable => {
                "The table in which the other tool keeps its history, as `\"name\"` or `\"schema.name\"`."
            }
            Self::HistoryMirror => {
                "Write the row that the other tool would have written, so that its start-up runner finds nothing to do: `true` (or `\"migrated\"`) when migrate ends and the new application may start, `\"done\"` when contract ends.\n\
                 Not for Rails and Django, whose migrations are programs."
            }
        }
    }

    /// The key at that place.
    pub fn at(section: &str, name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|key| key.path() == (section, name))
    }
}

/// The keys under `[migration."ID"]`: the directives of files that must not be touched.
pub const DIRECTIVE_KEYS: [&str; 4] = ["up", "down", "phase", "strategy"];

/// The sections, `migration` included, in order and without repetition.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&'static str> = Key::ALL.into_iter().map(|key| key.path().0).collect();
    sections.dedup();
    sections.push("migration");
    sections
}

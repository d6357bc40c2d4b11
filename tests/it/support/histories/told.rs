//! What the histories' files need beside their SQL: the words that an author would give, and the
//! files that are refused all the same, each with the reason.

use zdm::plan::LateExpandPolicy;

/// What zdm has to be told about one file, as `[migration."ID"]` of zdm.toml and flags would.
pub(super) struct Told {
    /// The history.
    pub(super) history: &'static str,
    /// The file's version: the number before the first underscore.
    pub(super) id: &'static str,
    /// Directives for the whole file, without `-- zdm: file`.
    pub(super) directives: &'static [&'static str],
    /// Directives of one statement: how its text begins, and the directive.
    pub(super) statements: &'static [(&'static str, &'static str)],
    /// Whether the plan may make the new application wait for contract.
    pub(super) late_expand: LateExpandPolicy,
    /// Run afterwards on every database that is compared: takes random values and times out.
    pub(super) end: &'static str,
}

/// Nothing told.
pub(super) const SILENT: Told = Told {
    history: "",
    id: "",
    directives: &[],
    statements: &[],
    late_expand: LateExpandPolicy::Refuse,
    end: "",
};

/// Every file that needs a word, as its author would give it. Never a way around the phases.
pub(super) const TOLD: &[Told] = &[
    Told {
        history: "svix",
        id: "0011",
        end: "UPDATE eventtype SET created_at = '2024-01-01', updated_at = '2024-01-01'",
        ..SILENT
    },
    // Tables make way for new ones of the same name.
    Told {
        history: "authelia",
        id: "0002",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // The same.
    Told {
        history: "authelia",
        id: "0003",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Rows go first, in contract.
    Told {
        history: "authelia",
        id: "0005",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // The same.
    Told {
        history: "authelia",
        id: "0006",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // A column makes way for a new one of its name.
    Told {
        history: "authelia",
        id: "0023",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // A table of settings: small, one statement.
    // A column becomes NOT NULL that only the new application writes, beside a change of type.
    Told {
        history: "pocket-id",
        id: "0029",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    Told {
        history: "pocket-id",
        id: "0009",
        statements: &[("UPDATE app_config_variables AS target", "phase migrate")],
        ..SILENT
    },
    // What the block changes is small.
    Told {
        history: "pocket-id",
        id: "0024",
        statements: &[("DO $$", "phase migrate")],
        ..SILENT
    },
    // Clients that the old application makes meanwhile are not restricted.
    Told {
        history: "pocket-id",
        id: "0039",
        statements: &[("UPDATE oidc_clients oc", "phase migrate")],
        ..SILENT
    },
    // A table of settings: small, one statement.
    Told {
        history: "pocket-id",
        id: "0041",
        statements: &[("UPDATE app_config_variables", "phase migrate")],
        ..SILENT
    },
    // Users that the old application makes meanwhile are not verified.
    Told {
        history: "pocket-id",
        id: "0045",
        statements: &[("UPDATE users", "phase migrate")],
        ..SILENT
    },
    // Tables go beside a change of type.
    Told {
        history: "pocket-id",
        id: "0050",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Each row gets a value of its own.
    Told {
        history: "pocket-id",
        id: "0063",
        statements: &[("UPDATE oidc_clients", "once using id")],
        end: "UPDATE oidc_clients SET credentials = NULL",
        ..SILENT
    },
    // Nobody wrote job versions yet.
    Told {
        history: "marquez",
        id: "0002",
        statements: &[(
            "ALTER TABLE job_versions ADD job_context_uuid",
            "up(job_context_uuid) uuid",
        )],
        ..SILENT
    },
    // The order of what is put together is not fixed.
    Told {
        history: "marquez",
        id: "0030",
        statements: &[("UPDATE jobs SET (current_inputs)", "once using uuid")],
        ..SILENT
    },
    // A view is made anew in a moment.
    Told {
        history: "marquez",
        id: "0054",
        statements: &[("DO", "phase expand")],
        ..SILENT
    },
    // Queries over the whole table, each worth one run; then a name changes hands.
    Told {
        history: "marquez",
        id: "0065",
        statements: &[
            ("WITH fqn", "phase migrate"),
            (
                "WITH fqn AS (\n  SELECT f.uuid,\n         f.job_fqn AS name,\n         f.namespace_name,\n         j.name    AS simple_name,\n         j.parent_job_uuid,\n         f.parent_job_name::text,\n         j.symlink_target_uuid,\n         j.created_at",
                "phase migrate",
            ),
            ("WITH RECURSIVE", "phase contract"),
        ],
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // A column makes way for a new one of its name.
    Told {
        history: "marquez",
        id: "0072",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Its query is worth one run only.
    Told {
        history: "marquez",
        id: "0081",
        statements: &[("WITH latest_runs", "phase migrate")],
        ..SILENT
    },
    // What goes in contract comes back under its name.
    Told {
        history: "concourse",
        id: "0008",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // What is done twice is wrong.
    Told {
        history: "concourse",
        id: "0024",
        statements: &[("UPDATE teams", "once using id")],
        ..SILENT
    },
    // The rows go, so any value will do.
    Told {
        history: "concourse",
        id: "0027",
        statements: &[
            (
                "ALTER TABLE next_build_inputs\n  ADD",
                "up(resource_config_version_id) 0",
            ),
            ("ALTER TABLE next_build_inputs\n  ADD", "up(resource_id) 0"),
            (
                "ALTER TABLE independent_build_inputs\n  ADD",
                "up(resource_config_version_id) 0",
            ),
            (
                "ALTER TABLE independent_build_inputs\n  ADD",
                "up(resource_id) 0",
            ),
        ],
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Rows go first, in contract.
    Told {
        history: "concourse",
        id: "0030",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Builds that end meanwhile are for the new application to mark.
    Told {
        history: "concourse",
        id: "0047",
        statements: &[("UPDATE builds SET aborted", "phase migrate")],
        ..SILENT
    },
    // What is done twice is wrong.
    Told {
        history: "concourse",
        id: "0056",
        statements: &[("UPDATE teams", "once using id")],
        ..SILENT
    },
    // Rows go first, in contract.
    Told {
        history: "concourse",
        id: "0068",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // A column makes way for a new one of its name.
    Told {
        history: "concourse",
        id: "0108",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
    // Statements made at run time, one for each partition.
    Told {
        history: "concourse",
        id: "0109",
        statements: &[
            ("DO $$\nDECLARE\n  pipeline", "phase migrate"),
            ("DO $$\nDECLARE\n  team", "phase migrate"),
        ],
        ..SILENT
    },
    // Pipelines are few.
    Told {
        history: "concourse",
        id: "0121",
        statements: &[("WITH s AS", "phase migrate")],
        ..SILENT
    },
    // The old application takes numbers from the sequences.
    Told {
        history: "concourse",
        id: "0134",
        statements: &[("do $$", "phase contract")],
        ..SILENT
    },
    // What goes in contract comes back under its name.
    Told {
        history: "concourse",
        id: "0142",
        late_expand: LateExpandPolicy::Accept,
        ..SILENT
    },
];

/// Every file that is refused, and why no word of its author helps: that its SQL must be written
/// otherwise. A file that is refused no more has to be taken off.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "marquez",
        "0080",
        "CASCADE takes views along that the file does not name",
    ),
    (
        "concourse",
        "0036",
        "CASCADE empties tables that the file does not name",
    ),
    (
        "concourse",
        "0141",
        "a CHECK stands before the UPDATE that makes it true, and refuses the old application's rows",
    ),
];

/// What is refused beside that on a database with rows.
const REFUSED_WITH_ROWS: &[(&str, &str, &str)] = &[(
    "concourse",
    "0108",
    "a trigger has made tables that inherit from the one whose column is renamed",
)];

/// The files of a history that are refused by their SQL alone.
pub(crate) fn refused_offline(history: &str) -> Vec<&'static str> {
    let of = REFUSED.iter().filter(|(name, ..)| *name == history);
    of.map(|(_, id, _)| *id).collect()
}

/// Those that are refused on a database with rows.
pub(crate) fn refused_live(history: &str) -> Vec<&'static str> {
    let more = REFUSED_WITH_ROWS
        .iter()
        .filter(|(name, ..)| *name == history);
    let mut of = refused_offline(history);
    of.extend(more.map(|(_, id, _)| *id));
    of
}

/// Each recipe, and a history whose files are run by it, or its second half, taken over from
/// another tool.
pub(crate) const EXERCISED: &[(&str, &str)] = &[
    ("add-check", "concourse"),
    ("add-column", "openfga"),
    ("add-column-not-null", "concourse"),
    ("add-foreign-key", "svix"),
    ("add-primary-key", "marquez, taken over"),
    ("add-unique", "marquez"),
    ("alter-column-type", "pocket-id"),
    ("as-is", "openfga"),
    ("column-from-update", "pocket-id"),
    ("create-index", "openfga"),
    ("delete-rows", "authelia"),
    ("drop-column", "svix"),
    ("drop-index", "authelia"),
    ("insert-select", "pocket-id"),
    ("rename-column", "authelia"),
    ("rename-table", "authelia"),
    ("set-not-null", "pocket-id"),
    ("update-rows", "marquez"),
];

/// Recipes that no file of the histories needs.
pub(crate) const NOT_EXERCISED: &[&str] = &[
    "add-column-serial",
    "add-column-volatile-default",
    "add-identity",
    "add-key-partitioned",
    "alter-domain",
    "attach-partition",
    "create-index-partitioned",
    "create-partition",
    "detach-partition",
    "redefine-view",
    "reindex",
];

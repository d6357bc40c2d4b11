//! The kinds of statements, and of parts of ALTER, that a project's rules can name.

use crate::{
    ident::QualifiedName,
    lint::{names, utility},
    parse::{
        Statement, StatementKind,
        statement::{
            AlterActionKind, AlterRelation, ColumnAction, ColumnConstraintKind, CreateTable,
            DataKind, DropKind, Firing, RelationKind, RowSecurity, TableConstraintKind,
            Transaction, Utility,
        },
    },
    source::Span,
};

/// Declares the kinds with their words in `zdm.toml` and in SQL.
macro_rules! kinds {
    ($($kind:ident = $word:literal, $sql:literal;)*) => {
        /// A kind of statement, or of a part of ALTER.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $sql, "`.")] $kind,)*
        }

        impl Kind {
            /// All, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word in `zdm.toml`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }

            /// The words in SQL.
            pub fn sql(self) -> &'static str {
                match self {
                    $(Self::$kind => $sql,)*
                }
            }
        }
    };
}

kinds! {
    CreateTable = "create-table", "CREATE TABLE";
    CreateTableAs = "create-table-as", "CREATE TABLE AS";
    DropTable = "drop-table", "DROP TABLE";
    RenameTable = "rename-table", "RENAME TO of a table";
    AddColumn = "add-column", "ADD COLUMN";
    DropColumn = "drop-column", "DROP COLUMN";
    RenameColumn = "rename-column", "RENAME COLUMN";
    AlterColumnType = "alter-column-type", "ALTER COLUMN TYPE";
    SetDefault = "set-default", "SET DEFAULT";
    DropDefault = "drop-default", "DROP DEFAULT";
    SetNotNull = "set-not-null", "SET NOT NULL";
    DropNotNull = "drop-not-null", "DROP NOT NULL";
    AlterIdentity = "alter-identity", "ADD, SET or DROP IDENTITY";
    AlterExpression = "alter-expression", "SET or DROP EXPRESSION";
    AlterColumnStorage = "alter-column-storage", "SET STORAGE, COMPRESSION, STATISTICS or options of a column";
    AddPrimaryKey = "add-primary-key", "PRIMARY KEY";
    AddUnique = "add-unique", "UNIQUE";
    AddForeignKey = "add-foreign-key", "FOREIGN KEY";
    AddCheck = "add-check", "CHECK";
    AddNotNull = "add-not-null", "NOT NULL";
    AddExclude = "add-exclude", "EXCLUDE";
    AlterConstraint = "alter-constraint", "ALTER CONSTRAINT";
    ValidateConstraint = "validate-constraint", "VALIDATE CONSTRAINT";
    RenameConstraint = "rename-constraint", "RENAME CONSTRAINT";
    DropConstraint = "drop-constraint", "DROP CONSTRAINT";
    SetSchema = "set-schema", "SET SCHEMA of a relation";
    OwnerTo = "owner-to", "OWNER TO of a relation";
    EnableTrigger = "enable-trigger", "ENABLE TRIGGER";
    DisableTrigger = "disable-trigger", "DISABLE TRIGGER";
    AlterRule = "alter-rule", "ENABLE or DISABLE RULE";
    EnableRowSecurity = "enable-row-security", "ENABLE or FORCE ROW LEVEL SECURITY";
    DisableRowSecurity = "disable-row-security", "DISABLE or NO FORCE ROW LEVEL SECURITY";
    AttachPartition = "attach-partition", "ATTACH PARTITION";
    DetachPartition = "detach-partition", "DETACH PARTITION";
    Inherit = "inherit", "INHERIT or NO INHERIT";
    ReplicaIdentity = "replica-identity", "REPLICA IDENTITY";
    AlterStorage = "alter-storage", "SET or RESET of storage parameters";
    SetLogged = "set-logged", "SET LOGGED or UNLOGGED";
    SetAccessMethod = "set-access-method", "SET ACCESS METHOD";
    SetTablespace = "set-tablespace", "SET TABLESPACE";
    AlterOther = "alter-other", "another part of ALTER TABLE";
    CreateIndex = "create-index", "CREATE INDEX";
    AlterIndex = "alter-index", "ALTER INDEX";
    DropIndex = "drop-index", "DROP INDEX";
    Reindex = "reindex", "REINDEX";
    CreateView = "create-view", "CREATE VIEW";
    CreateMaterializedView = "create-materialized-view", "CREATE MATERIALIZED VIEW";
    RefreshMaterializedView = "refresh-materialized-view", "REFRESH MATERIALIZED VIEW";
    AlterView = "alter-view", "ALTER VIEW or MATERIALIZED VIEW";
    DropView = "drop-view", "DROP VIEW";
    DropMaterializedView = "drop-materialized-view", "DROP MATERIALIZED VIEW";
    CreateSequence = "create-sequence", "CREATE SEQUENCE";
    AlterSequence = "alter-sequence", "ALTER SEQUENCE";
    DropSequence = "drop-sequence", "DROP SEQUENCE";
    CreateType = "create-type", "CREATE TYPE";
    AlterType = "alter-type", "ALTER TYPE";
    DropType = "drop-type", "DROP TYPE";
    CreateDomain = "create-domain", "CREATE DOMAIN";
    AlterDomain = "alter-domain", "ALTER DOMAIN";
    DropDomain = "drop-domain", "DROP DOMAIN";
    CreateFunction = "create-function", "CREATE FUNCTION or PROCEDURE";
    AlterFunction = "alter-function", "ALTER FUNCTION or PROCEDURE";
    CreateAggregate = "create-aggregate", "CREATE AGGREGATE";
    DropFunction = "drop-function", "DROP FUNCTION, PROCEDURE or AGGREGATE";
    CreateTrigger = "create-trigger", "CREATE TRIGGER";
    DropTrigger = "drop-trigger", "DROP TRIGGER";
    CreateRule = "create-rule", "CREATE RULE";
    DropRule = "drop-rule", "DROP RULE";
    CreatePolicy = "create-policy", "CREATE POLICY";
    AlterPolicy = "alter-policy", "ALTER POLICY";
    DropPolicy = "drop-policy", "DROP POLICY";
    RenameAttached = "rename-trigger", "ALTER TRIGGER or RULE, or RENAME of a policy";
    CreateSchema = "create-schema", "CREATE SCHEMA";
    AlterSchema = "alter-schema", "ALTER SCHEMA";
    DropSchema = "drop-schema", "DROP SCHEMA";
    CreateExtension = "create-extension", "CREATE EXTENSION";
    AlterExtension = "alter-extension", "ALTER EXTENSION";
    DropExtension = "drop-extension", "DROP EXTENSION";
    CreatePublication = "create-publication", "CREATE PUBLICATION";
    AlterPublication = "alter-publication", "ALTER PUBLICATION";
    DropPublication = "drop-publication", "DROP PUBLICATION";
    CreateStatistics = "create-statistics", "CREATE STATISTICS";
    AlterStatistics = "alter-statistics", "ALTER STATISTICS";
    DropStatistics = "drop-statistics", "DROP STATISTICS";
    DropOther = "drop-other", "DROP of something else";
    Comment = "comment", "COMMENT";
    SecurityLabel = "security-label", "SECURITY LABEL";
    Grant = "grant", "GRANT";
    Revoke = "revoke", "REVOKE";
    DefaultPrivileges = "default-privileges", "ALTER DEFAULT PRIVILEGES";
    Select = "select", "SELECT";
    SelectInto = "select-into", "SELECT INTO";
    Insert = "insert", "INSERT";
    Update = "update", "UPDATE";
    Delete = "delete", "DELETE";
    Merge = "merge", "MERGE";
    Truncate = "truncate", "TRUNCATE";
    Copy = "copy", "COPY";
    Do = "do", "DO";
    Lock = "lock", "LOCK TABLE";
    Vacuum = "vacuum", "VACUUM";
    Analyze = "analyze", "ANALYZE";
    Cluster = "cluster", "CLUSTER";
    Begin = "begin", "BEGIN";
    Commit = "commit", "COMMIT";
    Rollback = "rollback", "ROLLBACK";
    Savepoint = "savepoint", "SAVEPOINT, RELEASE or ROLLBACK TO";
    Set = "set", "SET";
    Reset = "reset", "RESET";
    Other = "other", "another statement";
}

/// A statement or a part of one, with what it is about.
pub struct Found<'s> {
    /// What it is.
    pub kind: Kind,
    /// The relations it names first, where it is about some.
    pub tables: Vec<&'s QualifiedName>,
    /// Its place.
    pub span: Span,
}

impl Kind {
    /// The kind with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

/// What a statement is, or each part of an ALTER, and the constraints that it makes on tables,
/// wherever they stand.
pub fn kinds(statement: &Statement) -> Vec<Found<'_>> {
    let mut more = Vec::new();
    let kind = match &statement.kind {
        StatementKind::AlterRelation(alter) => return parts(alter),
        StatementKind::CreateTable(create) => {
            more = constraints(create);
            match create.as_query {
                Some(_) => Kind::CreateTableAs,
                None => Kind::CreateTable,
            }
        }
        StatementKind::CreateIndex(_) => Kind::CreateIndex,
        StatementKind::Drop(drop) => dropped(&drop.kind),
        StatementKind::Update(_) => Kind::Update,
        StatementKind::Data(data) => match data.kind {
            DataKind::Insert => Kind::Insert,
            DataKind::Update => Kind::Update,
            DataKind::Delete => Kind::Delete,
            DataKind::Merge => Kind::Merge,
            DataKind::Truncate => Kind::Truncate,
            DataKind::Copy => Kind::Copy,
            DataKind::Select => Kind::Select,
        },
        StatementKind::Transaction(control) => match control {
            Transaction::Begin => Kind::Begin,
            Transaction::Commit => Kind::Commit,
            Transaction::Rollback => Kind::Rollback,
            Transaction::Savepoint | Transaction::Release | Transaction::RollbackTo => {
                Kind::Savepoint
            }
        },
        StatementKind::Set(set) => match set.value {
            Some(_) => Kind::Set,
            None => Kind::Reset,
        },
        StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
            Some(utility) => {
                if let Utility::CreateSchema(create) = utility {
                    more = create.elements.iter().flat_map(kinds).collect();
                }
                utility::parts(utility, statement.span).kind
            }
            None => Kind::Other,
        },
    };
    let mut found = vec![Found {
        kind,
        tables: tables(statement),
        span: statement.span,
    }];
    found.extend(more);
    found
}

/// The constraints of a new table, those behind its columns first.
fn constraints(create: &CreateTable) -> Vec<Found<'_>> {
    let of_columns = create.columns.iter().flat_map(|column| {
        let made = column.constraints.iter();
        made.filter_map(|constraint| Some((inline(&constraint.kind)?, constraint.span)))
    });
    let of_table = create.constraints.iter();
    let of_table = of_table.map(|constraint| (table_constraint(&constraint.kind), constraint.span));
    let found = of_columns.chain(of_table).map(|(kind, span)| Found {
        kind,
        tables: vec![&create.name],
        span,
    });
    found.collect()
}

/// What a constraint behind a column is; `None` for what is none.
fn inline(constraint: &ColumnConstraintKind) -> Option<Kind> {
    Some(match constraint {
        ColumnConstraintKind::PrimaryKey => Kind::AddPrimaryKey,
        ColumnConstraintKind::Unique { .. } => Kind::AddUnique,
        ColumnConstraintKind::References(_) => Kind::AddForeignKey,
        ColumnConstraintKind::Check(_) => Kind::AddCheck,
        ColumnConstraintKind::NotNull => Kind::AddNotNull,
        ColumnConstraintKind::Null
        | ColumnConstraintKind::Default(_)
        | ColumnConstraintKind::Generated { .. }
        | ColumnConstraintKind::Identity { .. } => return None,
    })
}

fn table_constraint(constraint: &TableConstraintKind) -> Kind {
    match constraint {
        TableConstraintKind::Check(_) => Kind::AddCheck,
        TableConstraintKind::NotNull(_) => Kind::AddNotNull,
        TableConstraintKind::Key(key) if key.primary => Kind::AddPrimaryKey,
        TableConstraintKind::KeyUsingIndex { primary: true, .. } => Kind::AddPrimaryKey,
        TableConstraintKind::Key(_) | TableConstraintKind::KeyUsingIndex { .. } => Kind::AddUnique,
        TableConstraintKind::ForeignKey { .. } => Kind::AddForeignKey,
        TableConstraintKind::Exclude(_) => Kind::AddExclude,
    }
}

/// What a statement works on: the objects that it changes, else those that it reads.
fn tables(statement: &Statement) -> Vec<&QualifiedName> {
    let works_on = statement
        .utility()
        .map(|utility| utility::parts(utility, statement.span).works_on);
    match works_on {
        Some(relations) if !relations.is_empty() => relations,
        _ => match &statement.kind {
            StatementKind::Data(data) if data.kind == DataKind::Select => {
                data.reads.iter().collect()
            }
            _ => names::objects(statement),
        },
    }
}

fn parts(alter: &AlterRelation) -> Vec<Found<'_>> {
    let of_relation = match alter.kind {
        RelationKind::Table | RelationKind::ForeignTable => None,
        RelationKind::Index => Some(Kind::AlterIndex),
        RelationKind::View | RelationKind::MaterializedView => Some(Kind::AlterView),
        RelationKind::Sequence => Some(Kind::AlterSequence),
    };
    let mut found = Vec::new();
    for action in &alter.actions {
        let mut push = |kind, span| {
            found.push(Found {
                kind,
                tables: vec![&alter.name],
                span,
            });
        };
        push(
            of_relation.unwrap_or_else(|| part(&action.kind)),
            action.span,
        );
        if let AlterActionKind::AddColumn { column, .. } = &action.kind {
            for constraint in &column.constraints {
                if let Some(kind) = inline(&constraint.kind) {
                    push(kind, constraint.span);
                }
            }
        }
    }
    found
}

fn part(action: &AlterActionKind) -> Kind {
    match action {
        AlterActionKind::AddColumn { .. } => Kind::AddColumn,
        AlterActionKind::DropColumn { .. } => Kind::DropColumn,
        AlterActionKind::AlterColumn { action, .. } => match action {
            ColumnAction::SetDefault(_) => Kind::SetDefault,
            ColumnAction::DropDefault => Kind::DropDefault,
            ColumnAction::SetNotNull => Kind::SetNotNull,
            ColumnAction::DropNotNull => Kind::DropNotNull,
            ColumnAction::Type { .. } => Kind::AlterColumnType,
            ColumnAction::AddIdentity { .. }
            | ColumnAction::SetIdentity { .. }
            | ColumnAction::DropIdentity { .. } => Kind::AlterIdentity,
            ColumnAction::SetExpression(_) | ColumnAction::DropExpression { .. } => {
                Kind::AlterExpression
            }
            ColumnAction::SetStatistics(_)
            | ColumnAction::SetOptions(_)
            | ColumnAction::ResetOptions(_)
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_) => Kind::AlterColumnStorage,
        },
        AlterActionKind::AddConstraint(constraint) => table_constraint(&constraint.kind),
        AlterActionKind::AlterConstraint { .. } => Kind::AlterConstraint,
        AlterActionKind::ValidateConstraint { .. } => Kind::ValidateConstraint,
        AlterActionKind::DropConstraint { .. } => Kind::DropConstraint,
        AlterActionKind::RenameTo(_) => Kind::RenameTable,
        AlterActionKind::RenameColumn { .. } => Kind::RenameColumn,
        AlterActionKind::RenameConstraint { .. } => Kind::RenameConstraint,
        AlterActionKind::SetSchema(_) => Kind::SetSchema,
        AlterActionKind::OwnerTo(_) => Kind::OwnerTo,
        AlterActionKind::Trigger { firing, .. } => match firing {
            Firing::Disabled => Kind::DisableTrigger,
            Firing::Origin | Firing::Replica | Firing::Always => Kind::EnableTrigger,
        },
        AlterActionKind::Rule { .. } => Kind::AlterRule,
        AlterActionKind::RowSecurity(security) => match security {
            RowSecurity::Enable | RowSecurity::Force => Kind::EnableRowSecurity,
            RowSecurity::Disable | RowSecurity::NoForce => Kind::DisableRowSecurity,
        },
        AlterActionKind::AttachPartition { .. } => Kind::AttachPartition,
        AlterActionKind::DetachPartition { .. } => Kind::DetachPartition,
        AlterActionKind::Inherit(_) | AlterActionKind::NoInherit(_) => Kind::Inherit,
        AlterActionKind::ReplicaIdentity(_) => Kind::ReplicaIdentity,
        AlterActionKind::SetOptions(_) | AlterActionKind::ResetOptions(_) => Kind::AlterStorage,
        AlterActionKind::SetLogged | AlterActionKind::SetUnlogged => Kind::SetLogged,
        AlterActionKind::SetAccessMethod(_) => Kind::SetAccessMethod,
        AlterActionKind::SetTablespace(_) => Kind::SetTablespace,
        AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::DependsOnExtension { .. }
        | AlterActionKind::SequenceOptions(_)
        | AlterActionKind::Other => Kind::AlterOther,
    }
}

fn dropped(kind: &DropKind) -> Kind {
    match kind {
        DropKind::Table => Kind::DropTable,
        DropKind::Index => Kind::DropIndex,
        DropKind::View => Kind::DropView,
        DropKind::MaterializedView => Kind::DropMaterializedView,
        DropKind::Sequence => Kind::DropSequence,
        DropKind::Type => Kind::DropType,
        DropKind::Domain => Kind::DropDomain,
        DropKind::Schema => Kind::DropSchema,
        DropKind::Function => Kind::DropFunction,
        DropKind::Trigger => Kind::DropTrigger,
        DropKind::Policy => Kind::DropPolicy,
        DropKind::Rule => Kind::DropRule,
        DropKind::Extension => Kind::DropExtension,
        DropKind::Statistics => Kind::DropStatistics,
        DropKind::Publication => Kind::DropPublication,
        DropKind::Other(_) => Kind::DropOther,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::parse, source::SourceFile};

    #[test]
    fn every_word_is_there_once() {
        let mut words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all);
        assert_eq!(Kind::from_word("drop-column"), Some(Kind::DropColumn));
    }

    #[test]
    fn statements_and_parts_of_alter_have_kinds() {
        for (sql, expected) in [
            ("CREATE TABLE t (a int)", "create-table t"),
            ("CREATE TABLE t AS SELECT 1", "create-table-as t"),
            (
                "ALTER TABLE t ADD a int, DROP b, ADD PRIMARY KEY (a)",
                "add-column t, drop-column t, add-primary-key t",
            ),
            (
                "CREATE TABLE t (a int PRIMARY KEY CHECK (a > 0), b int DEFAULT 1 NOT NULL, \
                 c int REFERENCES u UNIQUE, CHECK (b > 0), FOREIGN KEY (c) REFERENCES u)",
                "create-table t, add-primary-key t, add-check t, add-not-null t, \
                 add-foreign-key t, add-unique t, add-check t, add-foreign-key t",
            ),
            (
                "ALTER TABLE t ADD a int REFERENCES u",
                "add-column t, add-foreign-key t",
            ),
            (
                "CREATE SCHEMA s CREATE TABLE t (a int UNIQUE)",
                "create-schema, create-table t, add-unique t",
            ),
            ("ALTER TABLE t DISABLE TRIGGER ALL", "disable-trigger t"),
            ("ALTER INDEX i RENAME TO j", "alter-index i"),
            ("DROP TRIGGER a ON t", "drop-trigger t"),
            ("DROP TABLE t, u", "drop-table t u"),
            ("TRUNCATE t, u", "truncate t u"),
            ("DELETE FROM t", "delete t"),
            ("VACUUM t", "vacuum t"),
            ("ANALYZE t", "analyze t"),
            ("REVOKE ALL ON t FROM a", "revoke"),
            (
                "CREATE TRIGGER a BEFORE INSERT ON t EXECUTE FUNCTION f()",
                "create-trigger t",
            ),
            ("SAVEPOINT a", "savepoint"),
            ("RESET ALL", "reset"),
            ("NOTIFY a", "other"),
        ] {
            let script = parse(SourceFile::new("test", sql));
            let found: Vec<String> = kinds(&script.statements[0])
                .iter()
                .map(|found| {
                    let tables: String = found
                        .tables
                        .iter()
                        .map(|table| format!(" {table}"))
                        .collect();
                    format!("{}{tables}", found.kind.as_str())
                })
                .collect();
            assert_eq!(found.join(", "), expected, "{sql}");
        }
    }
}

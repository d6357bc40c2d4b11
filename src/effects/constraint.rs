//! Subcommands of ALTER TABLE on constraints.

use crate::{
    catalog::{Constraint, ConstraintKind, PgVersion, Table, TableKind},
    effects::{
        LockMode,
        alter::Altered,
        builder::{Builder, index_name, referenced, storing},
        column::set_not_null,
        partition, refusal,
    },
    ident::{Ident, ObjectName},
    parse::{
        statement::{ConstraintAttributes, DropBehavior, TableConstraint, TableConstraintKind},
        written,
    },
};

const AE: LockMode = LockMode::AccessExclusive;

/// `ADD CONSTRAINT`.
pub(super) fn add(builder: &mut Builder<'_>, altered: &Altered<'_>, constraint: &TableConstraint) {
    let catalog = builder.catalog;
    if let Some(name) = &constraint.name
        && altered.table.is_some_and(|t| t.constraint(name).is_some())
        && !altered.dropped.contains(name)
    {
        builder.fail(format!(
            "{} already has a constraint {name}",
            altered.name.short()
        ));
        return;
    }
    lock_children(builder, altered, &constraint.kind);
    let deferred = constraint.attributes.not_valid || constraint.attributes.enforced == Some(false);
    let shown = shown_name(constraint);
    match &constraint.kind {
        TableConstraintKind::Check(_) => {
            if deferred {
                return;
            }
            let purpose = format!("to check constraint {shown} against every row");
            if altered.only || constraint.attributes.no_inherit == Some(true) {
                builder.scan(&altered.name, altered.mode, &purpose);
            } else {
                builder.scan_family(&altered.name, altered.mode, &purpose);
            }
        }
        TableConstraintKind::NotNull(column) => {
            if catalog.version < PgVersion::V18 {
                builder.fail("ADD CONSTRAINT … NOT NULL came with PostgreSQL 18".to_owned());
                return;
            }
            refusal::second_not_null(builder, altered, constraint.name.as_ref(), column);
            if !deferred {
                let here = Altered {
                    name: altered.name.clone(),
                    table: altered.table,
                    only: altered.only || constraint.attributes.no_inherit == Some(true),
                    mode: altered.mode,
                    dropped: altered.dropped.clone(),
                    dropped_columns: Vec::new(),
                    added: Vec::new(),
                    added_columns: Vec::new(),
                    actions: altered.actions,
                };
                set_not_null(builder, &here, column);
            }
        }
        TableConstraintKind::Key(key) => {
            refusal::key(builder, altered, key);
            let purpose = format!("to build the index of {shown}");
            let taken_over = partition::keys_taken_over(builder, altered, key);
            builder.scan_family_of_key(altered, &taken_over, &purpose);
            if key.primary {
                for column in &key.columns {
                    require_not_null(builder, altered, column);
                }
            }
        }
        TableConstraintKind::KeyUsingIndex { primary, index } => {
            let name = altered.name.sibling(index.clone());
            let found = altered.table.and_then(|table| table.index(index));
            if altered.table.is_some() && found.is_none() {
                builder.fail(format!("index {index} does not exist"));
            }
            if altered
                .table
                .is_some_and(|t| t.kind == TableKind::Partitioned)
            {
                builder.fail("a partitioned table takes no USING INDEX".to_owned());
            }
            if let Some(found) = found {
                refusal::key_using_index(builder, altered, found, *primary);
            }
            // Only a rename of the index, to the constraint's name, needs a lock worth the name.
            if constraint.name.as_ref().is_some_and(|name| name != index) {
                builder.lock(&name, LockMode::ShareUpdateExclusive);
            }
            if *primary {
                let columns = found.map(|index| index.keys.clone()).unwrap_or_default();
                for column in columns.iter().filter_map(|key| key.column.as_ref()) {
                    require_not_null(builder, altered, column);
                }
            }
        }
        TableConstraintKind::ForeignKey {
            references,
            columns,
            ..
        } => {
            let peer = catalog.resolve(&references.table);
            if !catalog.tables.contains_key(&peer) {
                builder.missing("table", &peer);
            }
            builder.lock_partitions(&peer, LockMode::ShareRowExclusive);
            refusal::foreign_key(builder, altered, references, &peer);
            refusal::missing_columns(builder, altered, columns);
            let taken_over =
                partition::foreign_keys_taken_over(builder, altered, constraint, &peer);
            if !taken_over.is_empty() {
                partition::without_own_triggers(builder, &taken_over, &peer);
                let leaves = storing(catalog, &altered.name);
                if leaves.iter().all(|leaf| taken_over.contains(leaf)) {
                    return;
                }
            }
            if !deferred {
                scan_foreign_key(builder, altered, &peer);
            }
        }
        TableConstraintKind::Exclude(_) => {
            builder.scan_family_of_key(altered, &[], &format!("to build the index of {shown}"));
        }
    }
}

/// From 18 on the children are locked as soon as the statement begins, whatever the constraint.
/// Before, keys and foreign keys reach partitions only, and keys just build their indexes there.
fn lock_children(builder: &mut Builder<'_>, altered: &Altered<'_>, kind: &TableConstraintKind) {
    if altered.only {
        return;
    }
    let inherited = match kind {
        TableConstraintKind::Check(_) | TableConstraintKind::NotNull(_) => true,
        TableConstraintKind::Key(_)
        | TableConstraintKind::KeyUsingIndex { .. }
        | TableConstraintKind::Exclude(_)
        | TableConstraintKind::ForeignKey { .. } => false,
    };
    if inherited || builder.catalog.version >= PgVersion::V18 {
        builder.lock_family(&altered.name, altered.mode);
    } else if altered
        .table
        .is_some_and(|table| table.kind == TableKind::Partitioned)
    {
        let mode = altered.mode.min(match kind {
            TableConstraintKind::ForeignKey { .. } => LockMode::ShareRowExclusive,
            TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::Exclude(_) => LockMode::Share,
        });
        builder.lock_family(&altered.name, mode);
    }
}

impl Builder<'_> {
    /// A key's index is built on the table itself, and on every partition but those that have it,
    /// under the lock that the statement has there; never on children by INHERITS.
    pub(super) fn scan_family_of_key(
        &mut self,
        altered: &Altered<'_>,
        without: &[ObjectName],
        purpose: &str,
    ) {
        let partitioned = |table: &Table| table.kind == TableKind::Partitioned;
        if !altered.table.is_some_and(partitioned) {
            self.scan(&altered.name, altered.mode, purpose);
            return;
        }
        for part in storing(self.catalog, &altered.name) {
            if !without.contains(&part) {
                let under = self.effects.lock_on(&part).unwrap_or(altered.mode);
                self.scan(&part, under, purpose);
            }
        }
    }
}

fn shown_name(constraint: &TableConstraint) -> String {
    constraint
        .name
        .as_ref()
        .map_or_else(|| "the new constraint".to_owned(), Ident::quoted)
}

/// Columns of a primary key become NOT NULL.
fn require_not_null(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    set_not_null(builder, altered, column);
}

/// Why both sides of a foreign key are read.
pub(super) fn foreign_key_purpose(child: &ObjectName, parent: &ObjectName) -> String {
    format!(
        "to check that every row of {} has its match in {}",
        child.short(),
        parent.short()
    )
}

/// Both sides are read to prove a foreign key.
pub(super) fn scan_foreign_key(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    peer: &ObjectName,
) {
    let purpose = foreign_key_purpose(&altered.name, peer);
    let under = altered.mode;
    builder.scan_partitions(&altered.name, under, &purpose);
    let peer_under = builder.effects.lock_on(peer).unwrap_or(under);
    builder.scan_partitions(peer, peer_under, &purpose);
}

/// `VALIDATE CONSTRAINT`.
pub(super) fn validate(builder: &mut Builder<'_>, altered: &Altered<'_>, name: &Ident) {
    let Some(table) = altered.table else {
        builder.scan(
            &altered.name,
            altered.mode,
            &format!("to validate {name} against every row"),
        );
        return;
    };
    let purpose = format!("to validate {name} against every row");
    let Some(constraint) = table.constraint(name) else {
        let not_null = table.columns.iter().find_map(|column| {
            let (constraint, validated) = column.not_null_constraint.as_ref()?;
            (constraint == name).then_some((&column.name, *validated))
        });
        match not_null {
            Some((_, true)) => {}
            Some((column, false)) => {
                builder.lock_family(&altered.name, altered.mode);
                let valid = valid_below(builder, altered, |part| {
                    part.column(column).is_some_and(|column| {
                        let own = column.not_null_constraint.as_ref();
                        column.not_null && own.is_none_or(|(_, validated)| *validated)
                    })
                });
                builder.scan_family_but(&altered.name, &valid, altered.mode, &purpose);
            }
            None => validate_new(builder, altered, name, &purpose),
        }
        return;
    };
    if constraint
        .definition
        .to_ascii_uppercase()
        .contains("NOT ENFORCED")
    {
        builder.fail(format!("constraint {name} is NOT ENFORCED"));
    }
    if constraint.validated {
        refuse_validation(builder, constraint, table);
        return;
    }
    match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => {
            builder.lock_partitions(&altered.name, altered.mode);
            builder.lock_partitions(references, LockMode::RowShare);
            scan_foreign_key(builder, altered, references);
        }
        ConstraintKind::Check { .. } => {
            if constraint.no_inherit || altered.only {
                builder.scan(&altered.name, altered.mode, &purpose);
            } else {
                builder.lock_family(&altered.name, altered.mode);
                let valid = valid_below(builder, altered, |part| {
                    part.constraint(name).is_some_and(|own| own.validated)
                });
                builder.scan_family_but(&altered.name, &valid, altered.mode, &purpose);
            }
        }
        ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. }
        | ConstraintKind::Other => {}
    }
}

/// What is valid there already is not looked at again.
fn valid_below(
    builder: &Builder<'_>,
    altered: &Altered<'_>,
    valid: impl Fn(&Table) -> bool,
) -> Vec<ObjectName> {
    let family = builder.catalog.family(&altered.name).into_iter();
    family
        .filter(|part| valid(part))
        .map(|part| part.name.clone())
        .collect()
}

/// VALIDATE of what the same statement adds, or of nothing.
fn validate_new(builder: &mut Builder<'_>, altered: &Altered<'_>, name: &Ident, purpose: &str) {
    let catalog = builder.catalog;
    let added = altered
        .added
        .iter()
        .find(|added| added.name.as_ref() == Some(name));
    if let Some(TableConstraintKind::ForeignKey { references, .. }) = added.map(|added| &added.kind)
    {
        let peer = catalog.resolve(&references.table);
        builder.lock_partitions(&peer, LockMode::RowShare);
        scan_foreign_key(builder, altered, &peer);
        return;
    }
    if added.is_none() && catalog.complete {
        builder.fail(format!("{} has no constraint {name}", altered.name.short()));
    }
    builder.lock_family(&altered.name, altered.mode);
    builder.scan_family(&altered.name, altered.mode, purpose);
}

/// Keys are valid from the start, and no command validates them.
fn refuse_validation(builder: &mut Builder<'_>, constraint: &Constraint, table: &Table) {
    match &constraint.kind {
        ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. } => builder.fail(format!(
            "constraint {} of {} is neither a CHECK nor a foreign key",
            constraint.name,
            table.name.short()
        )),
        ConstraintKind::Check { .. }
        | ConstraintKind::ForeignKey { .. }
        | ConstraintKind::Other => {}
    }
}

/// `ALTER CONSTRAINT`.
pub(super) fn alter(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: &Ident,
    attributes: ConstraintAttributes,
) {
    let Some(constraint) = altered.table.and_then(|table| table.constraint(name)) else {
        builder.lock_family(&altered.name, altered.mode);
        return;
    };
    let Some(peer) = referenced(constraint) else {
        refusal::alter_constraint(builder, &constraint.kind, name, attributes);
        builder.lock_family(&altered.name, altered.mode);
        return;
    };
    builder.lock_partitions(&altered.name, altered.mode);
    match attributes.enforced {
        Some(true) => {
            builder.lock_partitions(peer, LockMode::ShareRowExclusive);
            scan_foreign_key(builder, altered, peer);
        }
        Some(false) => builder.lock_partitions(peer, AE),
        None => {}
    }
}

/// `DROP CONSTRAINT`.
pub(super) fn drop(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    if_exists: bool,
    name: &Ident,
    behavior: DropBehavior,
) {
    let Some(table) = altered.table else { return };
    let Some(constraint) = table.constraint(name) else {
        let not_null = table.columns.iter().any(|column| {
            column
                .not_null_constraint
                .as_ref()
                .is_some_and(|(constraint, _)| constraint == name)
        });
        if not_null {
            builder.lock_family(&altered.name, altered.mode);
        } else if !if_exists {
            builder.fail(format!("{} has no constraint {name}", altered.name.short()));
        }
        return;
    };
    if from_above(builder, table, name) {
        builder.fail(format!("constraint {name} is inherited"));
    }
    let inherited = table.kind == TableKind::Partitioned
        || (matches!(constraint.kind, ConstraintKind::Check { .. }) && !constraint.no_inherit);
    if inherited && !altered.only {
        builder.lock_family(&altered.name, altered.mode);
    }
    match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => builder.lock_partitions(references, AE),
        ConstraintKind::Unique { columns, index }
        | ConstraintKind::PrimaryKey { columns, index }
        | ConstraintKind::Exclude { columns, index } => {
            drop_key_index(builder, table, index);
            referencing_tables(builder, table, constraint, columns, behavior);
        }
        ConstraintKind::Check { .. } | ConstraintKind::Other => {}
    }
}

/// Whether a CHECK came from a parent, which keeps it.
fn from_above(builder: &Builder<'_>, table: &Table, name: &Ident) -> bool {
    let parents = table.parents.iter();
    let constraints =
        parents.filter_map(|parent| builder.catalog.tables.get(parent)?.constraint(name));
    constraints
        .into_iter()
        .any(|above| matches!(above.kind, ConstraintKind::Check { .. }) && !above.no_inherit)
}

fn drop_key_index(builder: &mut Builder<'_>, table: &Table, index: &Ident) {
    let Some(index) = table.index(index) else {
        return;
    };
    builder.lock_index(table, index, AE);
    for (table, part) in builder.index_parts(&index_name(table, index)) {
        builder.lock_index(table, part, AE);
    }
}

/// Foreign keys that need the key go with it, or stop it.
fn referencing_tables(
    builder: &mut Builder<'_>,
    table: &Table,
    key: &Constraint,
    columns: &[Ident],
    behavior: DropBehavior,
) {
    let others = table.constraints.iter().any(|other| {
        other.name != key.name
            && matches!(
                other.kind,
                ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. }
            )
            && same_columns(other.columns(), columns)
    });
    for (child, constraint) in builder.inbound(&table.name, None) {
        let ConstraintKind::ForeignKey {
            referenced_columns, ..
        } = &constraint.kind
        else {
            continue;
        };
        if !same_columns(referenced_columns, columns) {
            continue;
        }
        match behavior {
            DropBehavior::Cascade => builder.lock_partitions(&child.name, AE),
            // With a second key on the same columns it is not known which one is meant.
            DropBehavior::Restrict if others => {}
            DropBehavior::Restrict => builder.fail(format!(
                "foreign key {} of {} needs it",
                constraint.name,
                child.name.short()
            )),
        }
    }
}

fn same_columns(one: &[Ident], other: &[Ident]) -> bool {
    one.len() == other.len() && one.iter().all(|column| other.contains(column))
}

/// Whether a valid CHECK of the table, other than those being dropped, shows that the column is
/// never NULL (`ConstraintImpliedByRelConstraint`).
pub(super) fn proves_not_null(table: &Table, column: &Ident, dropped: &[Ident]) -> bool {
    table.constraints.iter().any(|constraint| {
        constraint.validated
            && !dropped.contains(&constraint.name)
            && match &constraint.kind {
                ConstraintKind::Check { expr, .. } => conjuncts(expr)
                    .filter_map(|part| about(part, table, column))
                    .any(|words| {
                        let words: Vec<&str> = words.iter().map(String::as_str).collect();
                        matches!(
                            words.as_slice(),
                            ["", "is", "not", "null"]
                                | ["", "notnull"]
                                | ["not", "", "is", "null"]
                                | ["not", "", "isnull"]
                        )
                    }),
                ConstraintKind::Unique { .. }
                | ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::ForeignKey { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => false,
            }
    })
}

/// The words of an expression that has nothing else in it but the column, which is left empty.
pub(super) fn about(part: &str, table: &Table, column: &Ident) -> Option<Vec<String>> {
    let list = written::written(part);
    let mut out = Vec::with_capacity(list.len());
    let mut rest = 0;
    for (at, one) in list.iter().enumerate() {
        let between = part.get(rest..one.span.start)?;
        rest = one.span.end;
        if !between
            .chars()
            .all(|c| c.is_whitespace() || "().".contains(c))
        {
            return None;
        }
        let qualifies = list.get(at + 1).is_some_and(|next| next.behind_dot);
        if qualifies {
            if one.stored() != table.name.name {
                return None;
            }
        } else if one.stored() == *column {
            out.push(String::new());
        } else if one.quoted {
            return None;
        } else {
            out.push(one.name.clone());
        }
    }
    let end = part.get(rest..)?;
    end.chars()
        .all(|c| c.is_whitespace() || c == ')')
        .then_some(out)
}

/// The parts of an expression that are joined by AND at its top, without outer parentheses.
pub(super) fn conjuncts(expr: &str) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    let mut todo = vec![expr];
    while let Some(expr) = todo.pop() {
        let expr = expr.trim();
        if let Some(inner) = without_parentheses(expr) {
            todo.push(inner);
        } else if let Some((left, right)) = split_at_and(expr) {
            todo.push(left);
            todo.push(right);
        } else {
            found.push(expr);
        }
    }
    found.into_iter()
}

/// The depth of parentheses before each byte that is outside quotes.
pub(super) fn depths(expr: &str) -> Vec<(usize, i32)> {
    let (mut depth, mut quote, mut found) = (0, None, Vec::new());
    for (at, byte) in expr.bytes().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'(') => {
                found.push((at, depth));
                depth += 1;
            }
            (None, b')') => {
                depth -= 1;
                found.push((at, depth));
            }
            (None, _) => found.push((at, depth)),
        }
    }
    found
}

pub(super) fn without_parentheses(expr: &str) -> Option<&str> {
    let inner = expr.strip_prefix('(')?.strip_suffix(')')?;
    let closes_early = depths(expr)
        .into_iter()
        .any(|(at, depth)| depth == 0 && at != 0 && at + 1 != expr.len());
    (!closes_early).then_some(inner)
}

fn split_at_and(expr: &str) -> Option<(&str, &str)> {
    let lower = expr.to_ascii_lowercase();
    let tops = depths(expr);
    let top = |word: &str| {
        let mut tops = tops.iter().filter(|(_, depth)| *depth == 0);
        tops.find(|(at, _)| lower[*at..].starts_with(word))
            .map(|(at, _)| *at)
    };
    // BETWEEN has an AND of its own, and CASE may have some; such an expression is taken as one
    // part.
    if [" between ", " or ", "case "]
        .into_iter()
        .any(|word| top(word).is_some())
    {
        return None;
    }
    top(" and ").map(|at| (&expr[..at], &expr[at + " and ".len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proves(expr: &str, column: &str) -> bool {
        let mut table = Table::new(ObjectName::public("t"));
        table.constraints.push(Constraint {
            name: Ident::exact("ck"),
            kind: ConstraintKind::Check {
                columns: Vec::new(),
                expr: expr.to_owned(),
            },
            definition: String::new(),
            validated: true,
            deferrable: false,
            deferred: false,
            no_inherit: false,
            comment: None,
        });
        proves_not_null(&table, &Ident::exact(column), &[])
    }

    #[test]
    fn a_check_proves_not_null_only_when_it_says_so() {
        assert!(proves("(a IS NOT NULL)", "a"));
        assert!(proves("a  is  not null", "a"));
        assert!(proves("A NOTNULL", "a"));
        assert!(proves("NOT (t.a IS NULL)", "a"));
        assert!(!proves("NOT t.a IS NOT NULL", "a"));
        assert!(!proves("u.a IS NOT NULL", "a"));
        assert!(!proves("\"A\" IS NOT NULL", "a"));
        assert!(!proves("-a IS NOT NULL", "a"));
        assert!(proves("((a IS NOT NULL) AND (b > 0))", "a"));
        assert!(proves(
            "((x > 0) AND ((b > 0) AND (\"A b\" IS NOT NULL)))",
            "A b"
        ));
        assert!(!proves("((a IS NOT NULL) OR (b > 0))", "a"));
        assert!(proves("(a IS NOT NULL AND (b > 0 OR c > 0))", "a"));
        assert!(!proves(
            "CASE WHEN b THEN c AND a IS NOT NULL AND d END",
            "a"
        ));
        assert!(!proves("(a > 0)", "a"));
        assert!(!proves("(b IS NOT NULL)", "a"));
        assert!(!proves("(NOT (a IS NOT NULL))", "a"));
        assert!(!proves("(\"A\" IS NOT NULL)", "a"));
    }
}

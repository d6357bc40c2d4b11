//! Tables, columns, constraints and indexes.

use zdm::{
    ident::Ident,
    parse::{
        expr::Expr,
        statement::{
            ColumnConstraint, ColumnConstraintKind, ColumnDef, ConstraintAttributes, CreateIndex,
            CreateTable, IndexColumn, LikeOption, OnCommit, Persistence, References,
            SequenceOption, TableConstraint, TableConstraintKind,
        },
    },
};

use super::{
    form::{Attributes, Form, word},
    names::{self, name, parens},
};

fn named(name: Option<&Ident>) -> String {
    name.map_or(String::new(), |name| format!("{}: ", name.as_str()))
}

/// `NOT ENFORCED` of a table's constraint is `NOT VALID` too; a column's is kept as written.
pub(super) fn attributes(given: ConstraintAttributes, of_column: bool) -> String {
    let not_enforced = given.enforced == Some(false);
    let deferred = given.initially_deferred == Some(true);
    Attributes {
        deferrable: given.deferrable == Some(true) || deferred,
        deferred,
        not_valid: given.not_valid || (not_enforced && !of_column),
        not_enforced,
        no_inherit: given.no_inherit == Some(true),
    }
    .words()
}

fn references(right: &References) -> String {
    let action = |action: &Option<String>, event: &str| {
        let text = action.as_deref().filter(|action| *action != "no action");
        text.map_or(String::new(), |action| {
            let action = action
                .replace(" (", "(")
                .replace(", ", ",")
                .replace('"', "");
            format!(" on {event} {action}")
        })
    };
    format!(
        "references {}{}{}{}{}",
        name(&right.table),
        parens(&right.columns),
        word(right.match_full, "match full"),
        action(&right.on_delete, "delete"),
        action(&right.on_update, "update"),
    )
}

fn include(columns: &[Ident]) -> String {
    if columns.is_empty() {
        String::new()
    } else {
        format!(" include{}", parens(columns))
    }
}

/// A constraint of a table.
pub(super) fn constraint(constraint: &TableConstraint) -> String {
    let kind = match &constraint.kind {
        TableConstraintKind::Check(_) => "check".to_owned(),
        TableConstraintKind::NotNull(column) => format!("not null {}", column.as_str()),
        TableConstraintKind::Key(key) => format!(
            "{}{}{}{}{}{}",
            if key.primary { "primary key" } else { "unique" },
            parens(&key.columns),
            word(key.nulls_not_distinct, "nulls not distinct"),
            word(key.without_overlaps, "without overlaps"),
            include(&key.include),
            key.tablespace
                .as_ref()
                .map_or(String::new(), |space| format!(
                    " tablespace {}",
                    space.as_str()
                ))
        ),
        TableConstraintKind::KeyUsingIndex { primary, index } => format!(
            "{} using index {}",
            if *primary { "primary key" } else { "unique" },
            index.as_str()
        ),
        TableConstraintKind::ForeignKey {
            columns,
            references: right,
            period,
        } => format!(
            "foreign key{}{} {}",
            parens(columns),
            word(*period, "period"),
            references(right)
        ),
        TableConstraintKind::Exclude(exclude) => {
            let parts: Vec<String> = exclude
                .elements
                .iter()
                .map(|(part, operator)| {
                    let operator = operator
                        .rsplit(['(', '.'])
                        .next()
                        .map_or("", |last| last.trim_end_matches(')').trim());
                    format!("{} with {operator}", index_part(part))
                })
                .collect();
            format!(
                "exclude {} {}{}{}",
                method(exclude.method.as_ref()),
                parts.join("; "),
                include(&exclude.include),
                word(exclude.predicate.is_some(), "where")
            )
        }
    };
    format!(
        "{}{kind}{}",
        named(constraint.name.as_ref()),
        attributes(constraint.attributes, false)
    )
}

/// The method of an index: `btree` when none is said.
fn method(method: Option<&Ident>) -> &str {
    method.map_or("btree", Ident::as_str)
}

/// A column with its constraints.
pub(super) fn column(column: &ColumnDef) -> String {
    let mut out = column.name.as_str().to_owned();
    if let Some(storage) = &column.storage {
        out.push_str(&format!(" storage:{}", storage.as_str()));
    }
    if let Some(compression) = &column.compression {
        out.push_str(&format!(" compression:{}", compression.as_str()));
    }
    if let Some(collation) = &column.collation {
        out.push_str(&format!(" collate:{}", name(collation)));
    }
    out + &column_constraints(&column.constraints)
}

/// The constraints of a column or domain.
pub(super) fn column_constraints(constraints: &[ColumnConstraint]) -> String {
    constraints
        .iter()
        .map(|constraint| {
            format!(
                " <{}{}{}>",
                named(constraint.name.as_ref()),
                column_kind(&constraint.kind),
                attributes(constraint.attributes, true)
            )
        })
        .collect()
}

fn column_kind(kind: &ColumnConstraintKind) -> String {
    match kind {
        ColumnConstraintKind::NotNull => "not null".to_owned(),
        ColumnConstraintKind::Null => "null".to_owned(),
        ColumnConstraintKind::Default(_) => "default".to_owned(),
        ColumnConstraintKind::Check(_) => "check".to_owned(),
        ColumnConstraintKind::Unique { nulls_not_distinct } => {
            format!("unique{}", word(*nulls_not_distinct, "nulls not distinct"))
        }
        ColumnConstraintKind::PrimaryKey => "primary key".to_owned(),
        ColumnConstraintKind::References(right) => references(right),
        ColumnConstraintKind::Generated { stored, .. } => {
            format!("generated {}", if *stored { "stored" } else { "virtual" })
        }
        ColumnConstraintKind::Identity { always, options } => {
            format!("identity {}{}", when(*always), sequence(options))
        }
    }
}

/// `always` or `by default`.
pub(super) fn when(always: bool) -> &'static str {
    if always { "always" } else { "by default" }
}

/// The options of a sequence, each with a space in front.
pub(super) fn sequence(options: &[SequenceOption]) -> String {
    options
        .iter()
        .map(|option| match option {
            SequenceOption::As(_) => " as".to_owned(),
            SequenceOption::Increment(n) => format!(" increment {n}"),
            SequenceOption::Start(n) => format!(" start {n}"),
            SequenceOption::Restart(None) => " restart".to_owned(),
            SequenceOption::Restart(Some(n)) => format!(" restart {n}"),
            SequenceOption::MinValue(n) => {
                format!(" minvalue {}", n.as_deref().unwrap_or("none"))
            }
            SequenceOption::MaxValue(n) => {
                format!(" maxvalue {}", n.as_deref().unwrap_or("none"))
            }
            SequenceOption::Cache(n) => format!(" cache {n}"),
            SequenceOption::Cycle(cycle) => format!(" cycle{}", word(!cycle, "no")),
            SequenceOption::OwnedBy(None) => " owned_by none".to_owned(),
            SequenceOption::OwnedBy(Some(owner)) => {
                format!(" owned_by {}.{}", name(&owner.table), owner.column.as_str())
            }
            SequenceOption::Name(sequence) => format!(" sequence_name {}", name(sequence)),
            SequenceOption::Logged(logged) => {
                format!(" {}", if *logged { "logged" } else { "unlogged" })
            }
        })
        .collect()
}

/// One part of an index.
pub(super) fn index_part(part: &IndexColumn) -> String {
    let mut out = part
        .column
        .as_ref()
        .map_or("expr", Ident::as_str)
        .to_owned();
    if let Some(collation) = &part.collation {
        out.push_str(&format!(" collate:{}", name(collation)));
    }
    if let Some(class) = &part.opclass {
        out.push_str(&format!(" {}", name(class)));
    }
    out.push_str(&word(part.descending, "desc"));
    out.push_str(&word(part.nulls_first == Some(true), "nulls first"));
    out.push_str(&word(part.nulls_first == Some(false), "nulls last"));
    out
}

pub(super) fn persistence(form: &mut Form, persistence: Persistence) {
    form.flag(persistence == Persistence::Temporary, "temporary");
    form.flag(persistence == Persistence::Unlogged, "unlogged");
}

fn like_words(like: &zdm::parse::statement::Like) -> String {
    [
        ("comments", LikeOption::Comments),
        ("compression", LikeOption::Compression),
        ("constraints", LikeOption::Constraints),
        ("defaults", LikeOption::Defaults),
        ("generated", LikeOption::Generated),
        ("identity", LikeOption::Identity),
        ("indexes", LikeOption::Indexes),
        ("statistics", LikeOption::Statistics),
        ("storage", LikeOption::Storage),
    ]
    .into_iter()
    .filter(|(_, option)| like.includes(*option))
    .map(|(word, _)| word)
    .collect::<Vec<_>>()
    .join("+")
}

/// `CREATE TABLE`.
pub(super) fn create(create: &CreateTable) -> Form {
    let mut form = Form::new(
        if create.as_query.is_some() {
            "CREATE TABLE AS"
        } else {
            "CREATE TABLE"
        },
        [name(&create.name)],
    );
    persistence(&mut form, create.persistence);
    form.flag(create.if_not_exists, "if not exists");
    form.columns = create.columns.iter().map(column).collect();
    form.subs = create.constraints.iter().map(constraint).collect();
    for like in &create.likes {
        form.flag(
            true,
            format!("like {}+{}", name(&like.source), like_words(like)),
        );
    }
    let parents: Vec<String> = create.inherits.iter().map(name).collect();
    form.flag(
        !parents.is_empty(),
        format!("inherits {}", parents.join(",")),
    );
    if let Some(partition) = &create.partition_of {
        form.flag(true, format!("partition of {}", name(&partition.parent)));
    }
    form.flag(create.partition_by.is_some(), "partition by");
    if let Some(ty) = &create.of_type {
        form.flag(true, format!("of {}", name(ty)));
    }
    if let Some(method) = &create.access_method {
        form.flag(true, format!("using {}", method.as_str()));
    }
    let options = names::options(&create.options);
    form.flag(!options.is_empty(), format!("with {options}"));
    if let Some(space) = &create.tablespace {
        form.flag(true, format!("tablespace {}", space.as_str()));
    }
    for (action, words) in [
        (OnCommit::PreserveRows, "on commit preserve"),
        (OnCommit::DeleteRows, "on commit delete"),
        (OnCommit::Drop, "on commit drop"),
    ] {
        form.flag(create.on_commit == Some(action), words);
    }
    if let Some(query) = &create.as_query {
        form.columns = names::strings(&query.columns);
        form.flag(!query.with_data, "no data");
        form.reads = query.reads.iter().map(name).collect();
    }
    form
}

/// `CREATE INDEX`.
pub(super) fn index(create: &CreateIndex) -> Form {
    let mut form = Form::new(
        "CREATE INDEX",
        [
            create.name.as_ref().map_or("-", Ident::as_str).to_owned(),
            name(&create.table),
        ],
    );
    form.columns = create.columns.iter().map(index_part).collect();
    form.flag(
        !create.include.is_empty(),
        format!("include {}", names::list(&create.include)),
    );
    form.flag(create.unique, "unique");
    form.flag(create.concurrently, "concurrently");
    form.flag(create.if_not_exists, "if not exists");
    form.flag(create.only, "only");
    form.flag(true, format!("using {}", method(create.method.as_ref())));
    form.flag(create.nulls_not_distinct, "nulls not distinct");
    form.flag(create.options.is_some(), "with");
    if let Some(space) = &create.tablespace {
        form.flag(true, format!("tablespace {}", space.as_str()));
    }
    form.flag(
        create
            .predicate
            .as_ref()
            .is_some_and(|p: &Expr| !p.text.is_empty()),
        "where",
    );
    form
}

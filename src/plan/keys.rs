//! Keys of a table that is in use: a unique index built concurrently, then taken over by the
//! constraint, which only changes the catalog.

use crate::{
    catalog::ConstraintKind,
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{ConstraintAttributes, Key},
    },
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, step},
        pieces,
        recipe::Context,
        recipes::{add_check::tighten_phase, create_index::duplicates, set_not_null},
        state,
    },
};

/// `UNIQUE (…)` or `PRIMARY KEY (…)`, to be added to a table.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// The table.
    pub table: &'a ObjectName,
    /// What it says.
    pub key: &'a Key,
    /// The name that is written, if any.
    pub written: Option<&'a Ident>,
    /// `DEFERRABLE` and the like.
    pub attributes: ConstraintAttributes,
}

/// A key whose index the plan builds.
#[derive(Debug, Clone)]
pub struct Built {
    /// The constraint's name, as plain SQL gives it.
    pub name: Ident,
    /// The name that the index is built under.
    pub index: Ident,
    /// The statement that makes the index a constraint.
    pub attach: String,
}

impl NewKey<'_> {
    /// Adds the steps that count duplicates and build the index, and says what is read and written.
    pub fn build(&self, cx: &Context<'_>, draft: &mut Draft) -> Result<Built, Refusal> {
        let (table, key) = (self.table, self.key);
        let name = self.name(cx)?;
        self.refuse_overlaps()?;
        let phase = tighten_phase(cx, table, &key.columns);
        let columns: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
        let list = columns.join(", ");
        draft.push(
            phase,
            duplicates(
                cx,
                table,
                &columns,
                None,
                key.nulls_not_distinct,
                &name.to_string(),
            ),
        );
        // A name that something has which goes in contract is taken until then.
        let taken = cx.input.catalog.has_relation(&table.sibling(name.clone()));
        let index = if taken {
            cx.own_name(&cx.key(table, &name), &name)
        } else {
            name.clone()
        };
        let built = table.sibling(index.clone());
        draft.push(
            phase,
            build_index(
                cx,
                table,
                &built,
                format!(
                    "CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} {}",
                    self.definition(cx, &list)
                ),
            ),
        );
        draft.conditions.push((
            phase,
            format!(
                "writes that repeat ({list}) in {} are refused from the build of {index} on",
                table.short()
            ),
        ));
        for column in key.columns.iter().chain(&key.include) {
            draft
                .touches
                .push(Touch::read(Element::Column(table.clone(), column.clone())));
        }
        draft
            .touches
            .push(Touch::write(Element::Name(built), PhaseName::Contract));
        if taken {
            let name = Element::Name(table.sibling(name.clone()));
            draft.touches.push(Touch::taken_over(name));
        }
        Ok(Built {
            attach: attach(table, &name, key.primary, &index, self.attributes),
            name,
            index,
        })
    }

    /// A key WITHOUT OVERLAPS has an index that no constraint can take over.
    pub fn refuse_overlaps(&self) -> Result<(), Refusal> {
        if !self.key.without_overlaps {
            return Ok(());
        }
        Err(Refusal::new(
            "not-yet",
            format!(
                "{} … WITHOUT OVERLAPS on {} cannot take over an index (its own would be built \
                 while every client waits)",
                words(self.key.primary),
                self.table.short()
            ),
            "create the table anew with this constraint and move the rows",
        ))
    }

    /// The constraint's name, as plain SQL gives it.
    pub fn name(&self, cx: &Context<'_>) -> Result<Ident, Refusal> {
        let wanted: fn(&ConstraintKind) -> bool = if self.key.primary {
            |kind| matches!(kind, ConstraintKind::PrimaryKey { .. })
        } else {
            |kind| matches!(kind, ConstraintKind::Unique { .. })
        };
        cx.added_constraint(self.table, self.written, wanted)
            .map(|constraint| constraint.name.clone())
            .ok_or_else(|| {
                let words = words(self.key.primary);
                Refusal::new(
                    "unknown-table",
                    format!(
                        "the name of the new {words} of {} could not be told",
                        self.table.short()
                    ),
                    format!("give it a name: ADD CONSTRAINT name {words} (…)"),
                )
            })
    }

    /// What follows ON table in CREATE INDEX.
    pub fn definition(&self, cx: &Context<'_>, list: &str) -> String {
        let key = self.key;
        let mut definition = format!("({list})");
        if !key.include.is_empty() {
            let include: Vec<String> = key.include.iter().map(ToString::to_string).collect();
            definition.push_str(&format!(" INCLUDE ({})", include.join(", ")));
        }
        if key.nulls_not_distinct {
            definition.push_str(" NULLS NOT DISTINCT");
        }
        if let Some(options) = key.options {
            definition.push_str(&format!(" WITH {}", cx.input.script.source.slice(options)));
        }
        if let Some(tablespace) = &key.tablespace {
            definition.push_str(&format!(" TABLESPACE {tablespace}"));
        }
        definition
    }
}

/// `PRIMARY KEY` or `UNIQUE`.
pub fn words(primary: bool) -> &'static str {
    if primary { "PRIMARY KEY" } else { "UNIQUE" }
}

/// The statement that makes an index a constraint; the server gives the index its name.
pub fn attach(
    table: &ObjectName,
    name: &Ident,
    primary: bool,
    index: &Ident,
    attributes: ConstraintAttributes,
) -> String {
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} {} USING INDEX {index}{}",
        words(primary),
        deferrability(attributes)
    )
}

/// ` DEFERRABLE INITIALLY DEFERRED`, as far as it is written.
pub fn deferrability(attributes: ConstraintAttributes) -> String {
    let mut sql = String::new();
    if attributes.deferrable == Some(true) {
        sql.push_str(" DEFERRABLE");
    }
    if attributes.initially_deferred == Some(true) {
        sql.push_str(" INITIALLY DEFERRED");
    }
    sql
}

/// The step that runs [`attach`], after statements that must come first.
pub fn attach_step(table: &ObjectName, name: &Ident, index: &Ident, sql: Vec<String>) -> Step {
    step(
        StepKind::Ddl,
        format!("make {name} a constraint of {}", table.short()),
        "the index is there and valid, so this only changes the catalog",
    )
    .sql(sql)
    .lock(table, LockMode::AccessExclusive)
    .state(state::key_attached(table, name, index))
    .irreversible()
}

/// Adds the steps that prove columns of a primary key free of NULLs, and returns what contract has
/// to do: a key over a column that is not NOT NULL yet would read the table while clients wait.
pub fn prove_not_null(
    cx: &Context<'_>,
    draft: &mut Draft,
    table: &ObjectName,
    columns: &[Ident],
) -> Result<Vec<String>, Refusal> {
    let mut contract = Vec::new();
    for column in columns {
        contract.extend(set_not_null::count_and_prove(cx, draft, table, column)?);
    }
    Ok(contract)
}

/// `CREATE INDEX CONCURRENTLY` as a step.
pub fn build_index(cx: &Context<'_>, table: &ObjectName, index: &ObjectName, sql: String) -> Step {
    let mut step = step(
        StepKind::CreateIndex {
            index: index.clone(),
            table: table.clone(),
        },
        format!(
            "build {} on {} while it is written to",
            index.name,
            table.short()
        ),
        "CONCURRENTLY takes a lock that stops no client; it waits for older transactions",
    )
    .sql([sql])
    .lock(table, LockMode::ShareUpdateExclusive)
    .scan(
        table,
        LockMode::ShareUpdateExclusive,
        "twice, to build the index",
    )
    .state(state::index_present(index))
    .undone_by(Undo::drop_index(index));
    step.estimate_ms = pieces::build_estimate(cx, table);
    step
}

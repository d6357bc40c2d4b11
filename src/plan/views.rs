//! Views in the way of a change of a column: dropped before it and made anew behind it, in the same
//! short transaction, with everything that belongs to them.
//!
//! The server refuses to drop or retype a column that a view reads, and a view that another one
//! reads. So all of them go in the order of their dependencies, and come back with owner, grants,
//! options, comments, defaults, rules and triggers. To clients they were never away: the locks are
//! held from the first DROP to the COMMIT. What cannot be made anew is refused by name.
//! Next: [`redefined`] for views that the migration itself drops and makes anew; [`stand_in`] for
//! those that stand for a table.

pub mod redefined;
pub mod stand_in;

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, View},
    effects::LockMode,
    ident::{Ident, ObjectName, quote_literal},
    parse::PhaseName,
    plan::{
        Step, StepKind, Verify, acl,
        draft::{Draft, Element, Refusal, Touch, step},
        recipe::Context,
        state,
    },
};

/// Views that must make room for a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recreate {
    /// Their names, in the order in which they are made anew.
    pub names: Vec<ObjectName>,
    /// What drops them, before the change.
    pub drop: Vec<String>,
    /// What makes them anew, after it.
    pub create: Vec<String>,
    /// Relations that they read.
    pub reads: BTreeSet<ObjectName>,
    /// Positions of operations of the file that this includes.
    pub includes: Vec<usize>,
    /// Every column that clients of these views know is still there afterwards.
    pub keeps_columns: bool,
}

impl Default for Recreate {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            drop: Vec::new(),
            create: Vec::new(),
            reads: BTreeSet::new(),
            includes: Vec::new(),
            keeps_columns: true,
        }
    }
}

impl Recreate {
    /// Whether nothing is in the way.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Puts the change of `step`, which is to run in `phase`, between the drops and the creations,
    /// and tells `draft` of it.
    #[must_use]
    pub fn around(&self, mut step: Step, phase: PhaseName, draft: &mut Draft) -> Step {
        if self.is_empty() {
            return step;
        }
        step.sql.splice(0..0, self.drop.iter().cloned());
        step.sql.extend(self.create.iter().cloned());
        for read in &self.reads {
            step = step.lock(read, LockMode::AccessShare);
        }
        for name in &self.names {
            step = step.lock(name, LockMode::AccessExclusive);
            draft
                .touches
                .push(Touch::write(Element::Relation(name.clone()), phase));
        }
        if !self.includes.is_empty() && phase == PhaseName::Contract {
            let names: Vec<String> = self.names.iter().map(ObjectName::short).collect();
            draft.conditions.push((
                PhaseName::Migrate,
                format!(
                    "{} keeps its old definition until contract",
                    names.join(", ")
                ),
            ));
        }
        draft.includes.extend(&self.includes);
        step
    }

    /// A look, before anything is made, for what depends on the views and would be in the way.
    pub fn look(&self) -> Option<Step> {
        let first = self.names.first()?;
        let names: Vec<String> = self.names.iter().map(ObjectName::short).collect();
        let names = names.join(", ");
        let (count, sample) = state::view_dependents(&self.names);
        Some(
            step(
                StepKind::Verify {
                    verify: Verify {
                        table: first.clone(),
                        count: count.clone(),
                        sample: Some(sample),
                        message: format!(
                            "{{count}} objects belong to or depend on {names} that zdm cannot \
                             move: the view must be dropped and made anew"
                        ),
                        help: "drop them or change them so that they do not need the view, then \
                               run `zdm apply` again"
                            .to_owned(),
                    },
                },
                format!("look for what depends on {names}"),
                "the view is dropped and made anew in one transaction; what depends on it would \
                 stop that",
            )
            .sql([count]),
        )
    }
}

/// The views that a change of a column's type, or its replacement by another one of that name,
/// finds in its way: those that read it, and those that read these. Views that the file itself
/// drops before and makes anew behind are among them, with their new definition.
pub fn in_the_way(
    cx: &Context<'_>,
    table: &ObjectName,
    column: &Ident,
) -> Result<Recreate, Refusal> {
    let mut recreate = redefined::in_the_way(cx, table, column);
    let standing = dependents(cx.before, table, column);
    for view in &standing {
        refuse(cx, view, table, column)?;
    }
    let drops: Vec<String> = standing
        .iter()
        .rev()
        .map(|view| format!("DROP VIEW {}", view.name))
        .collect();
    recreate.drop.splice(0..0, drops);
    let creates: Vec<String> = standing
        .iter()
        .flat_map(|view| anew(cx.before, view))
        .collect();
    recreate.create.splice(0..0, creates);
    recreate
        .names
        .splice(0..0, standing.iter().map(|view| view.name.clone()));
    for view in &standing {
        let reads = view.reads.iter().map(|(read, _)| read.clone());
        recreate.reads.extend(reads);
    }
    let names = recreate.names.clone();
    recreate
        .reads
        .retain(|read| !names.contains(read) && read != table);
    Ok(recreate)
}

/// The views that read the column, and all that read those, each after what it reads.
pub fn dependents<'a>(catalog: &'a Catalog, table: &ObjectName, column: &Ident) -> Vec<&'a View> {
    let mut found = catalog.views_reading(table, Some(column));
    let mut at = 0;
    while let Some(view) = found.get(at) {
        for reader in catalog.views_reading(&view.name, None) {
            if !found.iter().any(|known| known.name == reader.name) {
                found.push(reader);
            }
        }
        at += 1;
    }
    let mut ordered: Vec<&View> = Vec::with_capacity(found.len());
    while !found.is_empty() {
        let ready = found.iter().position(|view| {
            found.iter().all(|other| {
                other.name == view.name || view.reads.iter().all(|(read, _)| *read != other.name)
            })
        });
        // No view reads itself by way of others; were it so, any order is as good.
        ordered.push(found.remove(ready.unwrap_or(0)));
    }
    ordered
}

fn refuse(
    cx: &Context<'_>,
    view: &View,
    table: &ObjectName,
    column: &Ident,
) -> Result<(), Refusal> {
    let name = view.name.short();
    let place = format!("{}.{column}", table.short());
    if view.materialized {
        return Err(Refusal::new(
            "cannot-move",
            format!(
                "the materialized view {name} depends on {place}: to make it anew would stop its \
                 readers while its query runs"
            ),
            format!(
                "drop {name} in a migration before this one, and create it again in one after it"
            ),
        ));
    }
    let written_here = cx.input.catalog.views.get(&view.name) != Some(view);
    if written_here {
        return Err(Refusal::new(
            "chained-change",
            format!(
                "the view {name}, which an earlier statement of this file makes or changes, reads \
                 {place}"
            ),
            format!("make the view behind the change of {place}, or in the next migration"),
        ));
    }
    if view.has_triggers && view.hooks.is_empty() {
        return Err(Refusal::new(
            "cannot-move",
            format!(
                "the rules and triggers of the view {name}, which reads {place}, are not known"
            ),
            "plan against a database (--database-url)",
        ));
    }
    Ok(())
}

/// `CREATE [OR REPLACE] VIEW`, with its options and its query as they are.
pub fn definition(view: &View, replace: bool) -> String {
    let or_replace = if replace { "OR REPLACE " } else { "" };
    let columns: Vec<String> = view
        .columns
        .iter()
        .map(|column| column.name.quoted())
        .collect();
    let columns = if columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", columns.join(", "))
    };
    let options = if view.options.is_empty() {
        String::new()
    } else {
        format!(" WITH ({})", view.options.join(", "))
    };
    format!(
        "CREATE {or_replace}VIEW {}{columns}{options} AS {}",
        view.name,
        view.definition.trim().trim_end_matches(';')
    )
}

/// The statements that make a view as it is.
pub fn anew(catalog: &Catalog, view: &View) -> Vec<String> {
    let name = &view.name;
    let mut sql = vec![definition(view, false)];
    if let Some(owner) = &view.owner {
        sql.push(format!("ALTER VIEW {name} OWNER TO {owner}"));
    }
    sql.extend(grants(catalog, view));
    for column in &view.columns {
        let Some(default) = &column.default else {
            continue;
        };
        sql.push(format!(
            "ALTER VIEW {name} ALTER COLUMN {} SET DEFAULT {default}",
            column.name
        ));
    }
    let comment =
        |what: String, text: &str| format!("COMMENT ON {what} IS {}", quote_literal(text));
    if let Some(text) = &view.comment {
        sql.push(comment(format!("VIEW {name}"), text));
    }
    for column in &view.columns {
        if let Some(text) = &column.comment {
            sql.push(comment(format!("COLUMN {name}.{}", column.name), text));
        }
    }
    for hook in &view.hooks {
        sql.push(hook.definition.trim_end().trim_end_matches(';').to_owned());
        let kind = if hook.trigger { "TRIGGER" } else { "RULE" };
        if let Some(text) = &hook.comment {
            sql.push(comment(format!("{kind} {} ON {name}", hook.name), text));
        }
    }
    sql
}

/// The grants of a view that was just made, as they were: neither fewer nor, by default
/// privileges, more.
pub fn grants(catalog: &Catalog, view: &View) -> Vec<String> {
    let name = &view.name;
    let mut sql = Vec::new();
    if catalog.default_privileges {
        sql.push(state::revoke_all(name));
    }
    let owner = view.owner.as_ref().map(Ident::quoted);
    for item in view.acl.iter().flatten() {
        if let Some(grantee) = acl::grantee(item)
            && Some(&grantee) == owner.as_ref()
        {
            if acl::is_everything(item) {
                continue;
            }
            // The owner has every right on what was just made.
            sql.push(format!("REVOKE ALL ON {name} FROM {grantee}"));
        }
        sql.extend(acl::relation_grants(name, item));
    }
    for column in &view.columns {
        for item in column.acl.iter().flatten() {
            sql.extend(acl::column_grants(name, &column.name, item));
        }
    }
    sql
}

//! ATTACH PARTITION without reading anything while clients wait (pitfall 72).
//!
//! The server reads the table to be attached unless a valid CHECK shows that its rows meet the bound,
//! reads the default partition unless one shows that its rows do not, and builds every index and
//! checks every foreign key of the partitioned table that the table lacks (`prepare`). So all of
//! that is made before, under locks that stop nobody, and ATTACH only changes the catalog. The
//! CHECKs go in its own transaction. A table without rows needs none of it.

mod prepare;

use crate::{
    catalog::{ConstraintKind, Table, TableKind},
    effects::{Effects, LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{PhaseName, StatementKind, statement::AlterActionKind},
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, lock, merge_lock, step},
        partition_bound::{NewPartition, condition, default_of, is_default, shut_default},
        partitions, pieces,
        recipe::{Context, Recipe},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "attach-partition",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (
        parent,
        AlterActionKind::AttachPartition {
            name,
            bound: Some(bound),
        },
    ) = cx.alter()?
    else {
        return None;
    };
    if cx.phase_directive().is_some() {
        return None;
    }
    let bound = cx.input.script.source.slice(bound.span);
    Some(draft_for(cx, &parent, &cx.resolve(name), bound))
}

/// What is attached to what.
struct Attached<'a> {
    parent: &'a Table,
    part: &'a Table,
    /// The default partition beside it, unless it certainly has no row.
    default: Option<&'a Table>,
    /// As it is written.
    bound: &'a str,
    effects: Effects,
}

fn draft_for(
    cx: &Context<'_>,
    parent: &ObjectName,
    name: &ObjectName,
    bound: &str,
) -> Result<Draft, Refusal> {
    let parent = cx.known_table(parent)?;
    let part = cx.known_table(name)?;
    let effects = effects(&cx.op.alone, cx.before);
    if let Some(reason) = &effects.fails {
        return Err(fails(reason.clone()));
    }
    let attached = Attached {
        parent,
        part,
        default: default_of(cx, parent).filter(|default| !is_empty(default)),
        bound,
        effects,
    };
    let without_rows = cx.is_fresh(name) && !gets_rows(cx, name) || is_empty(part);
    let condition = condition(parent, bound);
    let mut draft = Draft::default();
    match condition {
        None if attached.default.is_some() && !is_default(bound) => {
            Err(attached.no_check("its default partition"))
        }
        _ if without_rows => {
            attach_new(cx, &attached, condition.as_deref(), &mut draft);
            Ok(draft)
        }
        None => Err(attached.no_check(&format!("{} itself", name.short()))),
        Some(condition) => {
            let Some(above) = bounds_above(cx, parent) else {
                return Err(attached.no_check(&format!("{} itself", name.short())));
            };
            attach_filled(cx, &attached, &condition, &above, &mut draft)?;
            Ok(draft)
        }
    }
}

/// The bounds of a partitioned table that is a partition itself: the rows of a new partition must
/// meet them too. `None` where one cannot be told.
fn bounds_above(cx: &Context<'_>, parent: &Table) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut below = parent;
    while let Some(bound) = &below.partition_bound {
        let above = cx.before.tables.get(below.parents.first()?)?;
        found.push(format!("({})", condition(above, bound)?));
        below = above;
    }
    Some(found)
}

/// Whether statements of the file before this one may put rows into the table.
fn gets_rows(cx: &Context<'_>, table: &ObjectName) -> bool {
    cx.ops[..cx.at].iter().any(|op| match &op.statement.kind {
        StatementKind::Data(_) | StatementKind::Update(_) => true,
        StatementKind::CreateTable(create) => {
            create.as_query.is_some() && cx.resolve(&create.name) == *table
        }
        StatementKind::Opaque(opaque) => {
            opaque.keywords.starts_with("DO") || opaque.keywords.starts_with("COPY")
        }
        StatementKind::AlterRelation(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => false,
    })
}

fn is_empty(table: &Table) -> bool {
    table.size.is_some_and(|size| size.empty)
}

fn fails(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "fails",
        format!("the server refuses this statement: {reason}"),
        "correct it: plain execution would fail too",
    )
}

/// A table without rows: nothing of it is read. It is additive, so it comes early, after the default
/// partition has been looked through.
fn attach_new(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    condition: Option<&str>,
    draft: &mut Draft,
) {
    let mut sql = vec![attached.sql()];
    let mut phase = PhaseName::Expand;
    if let (Some(default), Some(condition)) = (attached.default, condition) {
        phase = PhaseName::Migrate;
        let new = attached.beside(default, condition);
        sql.push(shut_default(cx, draft, &new, phase));
    }
    let mut locks = lock(&attached.parent.name, LockMode::AccessExclusive);
    merge_lock(&mut locks, &attached.part.name, LockMode::AccessExclusive);
    if let Some(default) = default_of(cx, attached.parent) {
        merge_lock(&mut locks, &default.name, LockMode::AccessExclusive);
    }
    let mut undo = vec![format!(
        "ALTER TABLE {} DETACH PARTITION {}",
        attached.parent.name, attached.part.name
    )];
    undo.extend(made_by_attach(cx, attached.part));
    let step = attached.step(sql).undone_by(Undo::ddl(undo, locks));
    draft.push(phase, step).new_needs_it = true;
    draft.touches.extend(attached.touches(phase));
}

/// What drops the indexes and constraints that ATTACH made on a table that was there before the
/// file.
fn made_by_attach(cx: &Context<'_>, part: &Table) -> Vec<String> {
    let Some(after) = cx
        .after_table(&part.name)
        .filter(|_| !cx.is_fresh(&part.name))
    else {
        return Vec::new();
    };
    let constraints = after
        .constraints
        .iter()
        .filter(|made| part.constraint(&made.name).is_none())
        .map(|made| {
            format!(
                "ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}",
                part.name, made.name
            )
        });
    let indexes = after
        .indexes
        .iter()
        .filter(|made| made.constraint.is_none() && part.index(&made.name).is_none())
        .map(|made| {
            format!(
                "DROP INDEX IF EXISTS {}",
                part.name.sibling(made.name.clone())
            )
        });
    constraints.chain(indexes).collect()
}

/// A table with rows.
fn attach_filled(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    condition: &str,
    above: &[String],
    draft: &mut Draft,
) -> Result<(), Refusal> {
    attached.refuse_what_fails()?;
    let whole = std::iter::once(condition.to_owned())
        .chain(above.iter().cloned())
        .collect::<Vec<_>>()
        .join(" AND ");
    let part = &attached.part.name;
    if attached.part.kind != TableKind::Table || !attached.part.children.is_empty() {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "{} is no ordinary table, so zdm cannot prepare it to be attached yet",
                part.short()
            ),
            "attach it while it is empty, or attach its parts one by one",
        ));
    }
    let check = cx.own_name(
        &cx.key(part, &part.name),
        &Ident::exact(format!("{}_bound", part.name.as_str())),
    );
    let phase = PhaseName::Migrate;
    let outside = format!("FROM ONLY {part} WHERE ({whole}) IS NOT TRUE");
    draft.push(
        phase,
        pieces::count_violators(
            cx,
            part,
            &format!("the bound {}", attached.bound),
            format!("SELECT pg_catalog.count(*) {outside}"),
            Some(format!("SELECT ctid::pg_catalog.text {outside} LIMIT 5")),
        ),
    );
    draft.push(
        phase,
        pieces::add_not_valid(
            part,
            &check,
            &format!("CHECK ({whole})"),
            "shows later that every row is within the bound; from here on no other is taken",
        ),
    );
    draft.push(phase, pieces::validate(cx, part, &check));
    draft.conditions.push((
        phase,
        format!(
            "writes to {} of rows outside {} are refused from `add {check}` on",
            part.short(),
            attached.bound
        ),
    ));
    let keys = prepare::indexes(cx, attached, draft)?;
    prepare::foreign_keys(cx, attached, draft)?;
    let phase = PhaseName::Contract;
    for key in keys {
        draft.push(phase, key);
    }
    let mut sql = vec![
        attached.sql(),
        format!("ALTER TABLE {part} DROP CONSTRAINT {check}"),
    ];
    if let Some(default) = attached.default {
        let new = attached.beside(default, condition);
        sql.push(shut_default(cx, draft, &new, phase));
    }
    let mut step = attached.step(sql).irreversible();
    // Taking over a foreign key that the table has by now removes its triggers from the other side.
    for constraint in &attached.parent.constraints {
        if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
            step = partitions::lock_tree(cx, step, references, LockMode::AccessExclusive);
        }
    }
    draft.push(phase, step);
    draft.touches.extend(attached.touches(phase));
    Ok(())
}

impl<'a> Attached<'a> {
    fn beside(&self, default: &'a Table, condition: &'a str) -> NewPartition<'a> {
        NewPartition {
            parent: &self.parent.name,
            part: &self.part.name,
            default,
            condition,
        }
    }

    fn touches(&self, phase: PhaseName) -> [Touch; 2] {
        [
            Touch::write(Element::Partitions(self.parent.name.clone()), phase),
            Touch::write(Element::Relation(self.part.name.clone()), phase),
        ]
    }

    fn sql(&self) -> String {
        format!(
            "ALTER TABLE {} ATTACH PARTITION {} {}",
            self.parent.name, self.part.name, self.bound
        )
    }

    fn step(&self, sql: Vec<String>) -> Step {
        let mut step = step(
            StepKind::Ddl,
            format!(
                "attach {} to {}",
                self.part.name.short(),
                self.parent.name.short()
            ),
            "nothing is left to be read or built, so this only changes the catalog",
        )
        .sql(sql)
        .state(state::partition_attached(
            &self.part.name,
            &self.parent.name,
        ));
        for held in &self.effects.locks {
            step = step.lock(&held.relation, held.mode);
        }
        step
    }

    /// What the server would say only when everything is prepared.
    fn refuse_what_fails(&self) -> Result<(), Refusal> {
        let (parent, part) = (self.parent, self.part);
        for column in &parent.columns {
            let Some(own) = part.column(&column.name) else {
                return Err(fails(format!(
                    "{} has no column {}",
                    part.name.short(),
                    column.name
                )));
            };
            if column.not_null && !own.not_null {
                return Err(fails(format!(
                    "{}.{} must be NOT NULL",
                    part.name.short(),
                    column.name
                )));
            }
        }
        let missing = parent.constraints.iter().find(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check { .. })
                && part.constraint(&constraint.name).is_none()
        });
        match missing {
            Some(check) => Err(fails(format!(
                "{} has no CHECK {}, which {} has",
                part.name.short(),
                check.name,
                parent.name.short()
            ))),
            None => Ok(()),
        }
    }

    fn no_check(&self, what: &str) -> Refusal {
        Refusal::new(
            "not-yet",
            format!(
                "the server would read {what} while clients wait: {} of {} has no CHECK that shows \
                 it which rows there are",
                self.bound,
                self.parent.name.short()
            ),
            "give bounds as plain constants; attach a default partition, or one of a hash by text, \
             while it is empty",
        )
    }
}

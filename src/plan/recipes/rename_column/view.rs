//! RENAME COLUMN with `strategy view`: the table steps aside, and an updatable view in its place
//! shows the column under both names; at the end the view goes, the table comes back, and the
//! column is renamed.
//!
//! Nothing is copied or filled, so it costs two short locks whatever the size, works on partitioned
//! tables, keeps the order of the columns and every index as it is, and ends in exactly what plain
//! SQL leaves. The price is what a view cannot do (pitfall 74), which the plan says.

use crate::{
    catalog::{Table, TableKind, apply::names_in, types},
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{PhaseName, Strategy, statement::AlterActionKind},
    plan::{
        Step, StepKind, Undo, Verify, columns,
        draft::{Draft, Element, Refusal, Touch, lock, step},
        operation::Operation,
        pieces,
        recipe::Context,
        recipes::rename_column::{functions_to_change, refused::refuse_taken},
        state,
        views::stand_in,
    },
};

const LEAVE_OUT: &str =
    "leave `strategy view` out: a second column kept in step by triggers is the default";

/// The renames of one table that one view does together.
struct Renames<'a> {
    columns: Vec<(Ident, Ident)>,
    /// Their SQL.
    sql: Vec<String>,
    /// The positions of those after the first.
    later: Vec<usize>,
    table: &'a Table,
    /// The name of the table until contract.
    aside: ObjectName,
}

pub(super) fn draft(
    cx: &Context<'_>,
    name: &ObjectName,
    from: &Ident,
    to: &Ident,
) -> Result<Draft, Refusal> {
    let table = table(cx, name)?;
    columns::existing(table, from)?;
    let mut renames = Renames {
        columns: vec![(from.clone(), to.clone())],
        sql: vec![cx.op.sql.clone()],
        later: Vec::new(),
        table,
        aside: name.sibling(cx.own_name(&cx.key(name, to), &name.name)),
    };
    renames.gather(cx);
    renames.check(cx)?;
    let mut draft = Draft::default();
    draft.push(PhaseName::Expand, look_for_users_of_the_name(name));
    draft
        .push(PhaseName::Expand, renames.step_aside(cx))
        .new_needs_it = true;
    draft.push(PhaseName::Contract, look_for_dependents(name));
    draft.push(PhaseName::Contract, renames.come_back(cx));
    draft.includes.extend(&renames.later);
    renames.say(&mut draft);
    Ok(draft)
}

/// A table that can step aside: its clients go through its name alone.
fn table<'a>(cx: &Context<'a>, name: &ObjectName) -> Result<&'a Table, Refusal> {
    let table = cx.known_table(name)?;
    if table.kind == TableKind::Partitioned && table.partition_bound.is_none() {
        return Ok(table);
    }
    cx.plain_table(name)
}

impl Renames<'_> {
    /// Takes the later renames of the same table along.
    fn gather(&mut self, cx: &Context<'_>) {
        let later = cx.ops.iter().enumerate().skip(cx.at + 1);
        for (at, op) in later {
            let (Some(action), Some(alter)) = (op.action, op.statement.alter()) else {
                continue;
            };
            let AlterActionKind::RenameColumn { from, to } = &action.kind else {
                continue;
            };
            let other = Context { op, at, ..*cx };
            if cx.after.resolve(&alter.name) == self.table.name
                && other.strategy() == Some(Strategy::View)
            {
                self.columns.push((from.clone(), to.clone()));
                self.sql.push(op.sql.clone());
                self.later.push(at);
            }
        }
    }

    fn check(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let name = &self.table.name;
        for (at, (from, to)) in self.columns.iter().enumerate() {
            refuse_taken(self.table, to)?;
            let earlier = &self.columns[..at];
            if earlier
                .iter()
                .any(|(_, known)| known == to || known == from)
                || self.table.column(from).is_none()
            {
                return Err(Refusal::new(
                    "chained-rename",
                    format!(
                        "the file renames {}.{from} to {to} after a rename that it depends on",
                        name.short()
                    ),
                    "put this rename into a migration of its own",
                ));
            }
        }
        stand_in::refuse_rights(cx, self.table, LEAVE_OUT)?;
        self.refuse_defaults(cx)?;
        self.refuse_functions(cx)?;
        if let Some(op) = self.other_user(cx) {
            return Err(Refusal::new(
                "beside-a-view",
                format!(
                    "until contract {} is a view, and `{}` in the same file needs the table",
                    name.short(),
                    excerpt(op)
                ),
                "put one of the two into a migration of its own, or leave `strategy view` out",
            ));
        }
        Ok(())
    }

    /// `SET a = DEFAULT` by one of two names of a column finds no default.
    fn refuse_defaults(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        for (from, _) in &self.columns {
            let Some(column) = self.table.column(from) else {
                continue;
            };
            let of_type =
                types::domain(&column.ty, cx.before).is_some_and(|domain| domain.default.is_some());
            let of_column = column.generated.is_none() && column.default.is_some();
            if of_type || of_column {
                return Err(Refusal::new(
                    "default-of-two-names",
                    format!(
                        "{}.{from} has a default, which a view cannot give a column that it shows \
                         under two names: SET {from} = DEFAULT would write NULL",
                        self.table.name.short()
                    ),
                    LEAVE_OUT,
                ));
            }
        }
        Ok(())
    }

    /// What goes by the table's name or its row type in a way that a view breaks.
    fn refuse_functions(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        let name = self.table.name.short();
        let of_trigger = self.table.triggers.iter().find(|trigger| {
            let source = trigger.function_source.as_deref().unwrap_or_default();
            ["tg_table_name", "tg_relname"]
                .iter()
                .any(|word| source.to_lowercase().contains(word))
        });
        if let Some(trigger) = of_trigger {
            return Err(Refusal::new(
                "table-name",
                format!(
                    "the function of the trigger {} of {name} uses TG_TABLE_NAME, which is another \
                     name while the table stands aside",
                    trigger.name
                ),
                LEAVE_OUT,
            ));
        }
        let with_row = cx.before.functions.iter().find(|(_, overloads)| {
            let mut sources = overloads.iter().filter_map(|one| one.source.as_deref());
            sources.any(|source| {
                source.to_lowercase().contains("%rowtype")
                    && names_in(source).any(|word| word == self.table.name.name)
            })
        });
        let Some((function, _)) = with_row else {
            return Ok(());
        };
        Err(Refusal::new(
            "row-type",
            format!(
                "{}() has a variable of the row type of {name}, which is that of the view until \
                 contract: sessions that have called it before fail from then on",
                function.short()
            ),
            LEAVE_OUT,
        ))
    }

    /// Another operation of the file on the table or a part of it, or one that names it.
    fn other_user<'c>(&self, cx: &'c Context<'_>) -> Option<&'c Operation<'c>> {
        let parts = cx.before.family(&self.table.name);
        let is_part = |relation: &ObjectName| {
            *relation == self.table.name || parts.iter().any(|part| part.name == *relation)
        };
        let found = cx.ops.iter().enumerate().find(|(at, op)| {
            // What it names may be there before the file only, or behind this statement only.
            let needs = [cx.input.catalog, cx.after].into_iter().any(|catalog| {
                let does = effects(&op.alone, catalog);
                does.unknown || does.locks.iter().any(|lock| is_part(&lock.relation))
            });
            let names = names_in(&op.sql).any(|word| word == self.table.name.name);
            *at != cx.at && !self.later.contains(at) && (needs || names)
        });
        found.map(|(_, op)| op)
    }

    fn step_aside(&self, cx: &Context<'_>) -> Step {
        let (name, aside) = (&self.table.name, &self.aside);
        let mut sql = vec![format!("ALTER TABLE {name} RENAME TO {}", aside.name)];
        sql.extend(stand_in::sql(cx, self.table, name, aside, &self.columns));
        let shown: Vec<String> = self
            .columns
            .iter()
            .map(|(from, to)| format!("{from} as {to} too"))
            .collect();
        pieces::short_ddl(
            name,
            format!(
                "put a view in the place of {} that shows {}",
                name.short(),
                shown.join(", ")
            ),
            "both applications find the column they know; they read and write the same rows",
            sql,
        )
        .state(state::stands_aside(name, aside))
        .undone_by(Undo::ddl(
            vec![state::back_from_aside(name, aside)],
            lock(aside, LockMode::AccessExclusive),
        ))
    }

    fn come_back(&self, cx: &Context<'_>) -> Step {
        let (name, aside) = (&self.table.name, &self.aside);
        let mut sql = vec![
            format!("DROP VIEW {name}"),
            format!("ALTER TABLE {aside} RENAME TO {}", name.name),
        ];
        sql.extend(self.sql.iter().cloned());
        let shown: Vec<String> = self
            .columns
            .iter()
            .map(|(from, to)| format!("{from} to {to}"))
            .collect();
        let mut back = step(
            StepKind::Ddl,
            format!("rename {} of {}", shown.join(", "), name.short()),
            "the view goes and the table comes back in the same transaction: it is there at every \
             moment",
        )
        .sql(sql)
        .state(state::relation_absent(aside))
        .irreversible();
        for held in effects(&cx.op.alone, cx.before).locks {
            back = back.lock(&held.relation, held.mode);
        }
        back.lock(aside, LockMode::AccessExclusive)
            .lock(name, LockMode::AccessExclusive)
    }

    fn say(&self, draft: &mut Draft) {
        let (name, aside) = (&self.table.name, &self.aside);
        draft.breaks_old = true;
        draft.conditions.extend(pieces::new_column_conditions(name));
        draft.conditions.push((
            PhaseName::Expand,
            format!(
                "until contract {name} is a view: {} do not work by that name for either \
                 application, and a statement that sets both names of a column, as INSERT of whole \
                 rows does, is refused",
                stand_in::LIMITS,
                name = name.short(),
            ),
        ));
        draft.conditions.push((
            PhaseName::Contract,
            format!(
                "a prepared SELECT * or RETURNING * on {} fails once and must be prepared again: \
                 there is one column less",
                name.short()
            ),
        ));
        for (from, _) in &self.columns {
            draft.notes.extend(functions_to_change(self.table, from));
        }
        draft.watches.push(aside.clone());
        draft.notes.push(format!(
            "until contract the table is called {}: so its triggers, its error messages and what \
             watches the database see it",
            aside.short()
        ));
        if self.table.kind == TableKind::Partitioned {
            draft.conditions.push((
                PhaseName::Expand,
                format!(
                    "what makes, attaches or detaches partitions of {} must say {} until contract",
                    name.short(),
                    aside.short()
                ),
            ));
            draft.notes.push(format!(
                "a client that names a partition of {} knows its columns by their old names until \
                 contract, and by the new ones from then on",
                name.short()
            ));
        }
        draft.touches = [name, aside]
            .map(|name| Touch::write(Element::Relation(name.clone()), PhaseName::Contract))
            .into();
    }
}

/// Looks for what would go wrong with the table under another name.
fn look_for_users_of_the_name(name: &ObjectName) -> Step {
    let (count, sample) = state::bound_to_name(name);
    verify(
        name,
        (count, sample),
        format!(
            "{{count}} objects need {} as a table of that name: functions and columns of its row \
             type, or publications",
            name.short()
        ),
        "change them so that they do not, or leave `strategy view` out, then run `zdm apply` again",
        format!("look for what needs {} as a table", name.short()),
        "a view stands in its place until contract, with a row type of its own",
    )
}

/// Looks for what would keep the view from going.
fn look_for_dependents(name: &ObjectName) -> Step {
    verify(
        name,
        state::view_dependents(std::slice::from_ref(name)),
        format!(
            "{{count}} objects have come to depend on the view {} since expand",
            name.short()
        ),
        "drop them, run `zdm apply --phase contract` again, and make them anew on the table",
        format!("look for what depends on the view {}", name.short()),
        "the view goes, and what depends on it would stop that",
    )
}

fn verify(
    name: &ObjectName,
    (count, sample): (String, String),
    message: String,
    help: &str,
    title: String,
    reason: &str,
) -> Step {
    let mut look = step(
        StepKind::Verify {
            verify: Verify {
                table: name.clone(),
                count: count.clone(),
                sample: Some(sample),
                message,
                help: help.to_owned(),
            },
        },
        title,
        reason,
    )
    .sql([count]);
    look.locks.clear();
    look
}

/// The beginning of an operation, on one line.
fn excerpt(op: &Operation<'_>) -> String {
    let words: Vec<&str> = op.sql.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

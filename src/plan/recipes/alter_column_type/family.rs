//! Which columns change together, and whether each of them can.

use crate::{
    catalog::{Column, Constraint, ConstraintKind, Table, apply::names_in, domain, types},
    effects::effects,
    ident::{Ident, ObjectName},
    parse::{Expr, expr_from_text, statement::ColumnAction},
    plan::{columns, draft::Refusal, moves, operation::Operation, recipe::Context},
};

use super::{
    alters,
    exchange::{self, Exchanged},
    needs_shadow, values,
};

/// A column whose type changes.
pub(super) struct Member<'a> {
    /// The position of its statement.
    at: usize,
    pub(super) table: &'a Table,
    pub(super) column: &'a Column,
    /// What stands beside it until the swap.
    pub(super) shadow: Ident,
    /// The new type, as the catalog spells it.
    pub(super) ty: String,
    /// The new collation, where it is not the type's.
    pub(super) collation: Option<String>,
    /// The new value from the row: the column, or USING.
    pub(super) up: Expr,
    /// Whether there is a USING.
    pub(super) using: bool,
    /// The default at the end of the file.
    pub(super) default: Option<String>,
}

impl Member<'_> {
    /// `table.column`, to be read.
    pub(super) fn place(&self) -> String {
        format!("{}.{}", self.table.name.short(), self.column.name)
    }
}

/// Columns that change together.
pub(super) struct Family<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// The other operations of the file that are done with them.
    pub(super) includes: Vec<usize>,
    /// Foreign keys that the file drops and adds again.
    pub(super) exchanged: Vec<Exchanged<'a>>,
}

impl<'a> Family<'a> {
    /// The operation's column, and those that later operations change and that belong to it.
    pub(super) fn of(cx: &Context<'a>) -> Result<Self, Refusal> {
        let exchanged = exchange::exchanged(cx);
        let mut members = vec![member(cx, cx.at)?];
        let mut candidates: Vec<usize> = (cx.at + 1..cx.ops.len())
            .filter(|at| {
                alters(cx.before, &cx.ops[*at])
                    .is_some_and(|(_, _, action)| matches!(action, ColumnAction::Type { .. }))
                    && needs_shadow(cx, &cx.ops[*at])
            })
            .collect();
        loop {
            let next = candidates.iter().position(|at| {
                alters(cx.before, &cx.ops[*at]).is_some_and(|(table, column, _)| {
                    members.iter().any(|member| {
                        member.table.name == table
                            || linked(cx, member, &table, column)
                            || exchanged
                                .iter()
                                .any(|key| key.links(&place(member), &(&table, column)))
                    })
                })
            });
            let Some(next) = next else { break };
            members.push(member(cx, candidates.remove(next))?);
        }
        let mut includes: Vec<usize> = members.iter().map(|member| member.at).collect();
        includes.retain(|at| *at != cx.at);
        for member in &mut members {
            later_default(cx, member, &mut includes);
        }
        let mut family = Self {
            members,
            includes,
            exchanged,
        };
        let keys = family.exchanged.iter().filter(|key| key.is_of(&family));
        let added: Vec<usize> = keys.map(|key| key.add_at).collect();
        family.includes.extend(added);
        family.check(cx)?;
        Ok(family)
    }

    /// The tables, each once, in the order of their names: locks are asked for in this order.
    pub(super) fn tables(&self) -> Vec<&'a Table> {
        let mut tables: Vec<&Table> = self.members.iter().map(|member| member.table).collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables.dedup_by(|a, b| a.name == b.name);
        tables
    }

    /// The columns of one table.
    pub(super) fn of_table(&self, table: &ObjectName) -> impl Iterator<Item = &Member<'a>> {
        let table = table.clone();
        self.members
            .iter()
            .filter(move |member| member.table.name == table)
    }

    /// Whether any of the columns is of this table and in this list.
    pub(super) fn touches(&self, table: &ObjectName, columns: &[Ident]) -> bool {
        self.of_table(table)
            .any(|member| columns.contains(&member.column.name))
    }

    fn check(&self, cx: &Context<'_>) -> Result<(), Refusal> {
        for (at, member) in self.members.iter().enumerate() {
            let twice = self.members[..at].iter().any(|other| {
                other.table.name == member.table.name && other.column.name == member.column.name
            });
            if twice {
                return Err(chained(member, "its type changes twice in this file"));
            }
            let reads = member.up.columns.iter().find(|input| {
                input.name != member.column.name
                    && self.touches(&member.table.name, std::slice::from_ref(&input.name))
            });
            if let Some(input) = reads {
                return Err(chained(
                    member,
                    &format!(
                        "its USING reads {}, whose type changes in this file too",
                        input.name
                    ),
                ));
            }
            self.refuse_between(cx, member)?;
        }
        Ok(())
    }

    /// Refuses a statement that names a column between the first change and its own: the change
    /// would be planned before it.
    fn refuse_between(&self, cx: &Context<'_>, member: &Member<'_>) -> Result<(), Refusal> {
        let between = (cx.at + 1..member.at).find(|at| {
            let sql = &cx.ops[*at].sql;
            let names: Vec<Ident> = names_in(sql).collect();
            !self.includes.contains(at)
                && names.contains(&member.table.name.name)
                && names.contains(&member.column.name)
        });
        match between {
            None => Ok(()),
            Some(at) => Err(chained(
                member,
                &format!(
                    "`{}` names it before, and after the first change of a type that belongs to it",
                    one_line(&cx.ops[at])
                ),
            )),
        }
    }
}

fn one_line(op: &Operation<'_>) -> String {
    op.sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn chained(member: &Member<'_>, why: &str) -> Refusal {
    Refusal::new(
        "chained-change",
        format!(
            "the type of {} cannot change with the others: {why}",
            member.place()
        ),
        "put one of the two statements into a migration of its own",
    )
}

/// A member as table and column.
fn place<'m>(member: &'m Member<'_>) -> (&'m ObjectName, &'m Ident) {
    (&member.table.name, &member.column.name)
}

/// Whether a foreign key links a member with a column.
fn linked(cx: &Context<'_>, member: &Member<'_>, table: &ObjectName, column: &Ident) -> bool {
    let ends = [
        (&member.table.name, &member.column.name, table, column),
        (table, column, &member.table.name, &member.column.name),
    ];
    ends.into_iter().any(|(child, referencing, parent, key)| {
        cx.before.tables.get(child).is_some_and(|child| {
            child
                .constraints
                .iter()
                .any(|constraint| match &constraint.kind {
                    ConstraintKind::ForeignKey {
                        columns,
                        references,
                        referenced_columns,
                    } => {
                        references == parent
                            && columns
                                .iter()
                                .zip(referenced_columns)
                                .any(|(from, to)| from == referencing && to == key)
                    }
                    ConstraintKind::Check { .. }
                    | ConstraintKind::Unique { .. }
                    | ConstraintKind::PrimaryKey { .. }
                    | ConstraintKind::Exclude { .. }
                    | ConstraintKind::Other => false,
                })
        })
    })
}

/// The default that later statements give it; they are done with the swap.
fn later_default(cx: &Context<'_>, member: &mut Member<'_>, includes: &mut Vec<usize>) {
    for at in cx.at + 1..cx.ops.len() {
        let Some((table, column, action)) = alters(cx.before, &cx.ops[at]) else {
            continue;
        };
        if table != member.table.name || *column != member.column.name {
            continue;
        }
        match action {
            ColumnAction::SetDefault(expr) => {
                member.default = (!expr.is_null()).then(|| expr.text.clone());
                includes.push(at);
            }
            ColumnAction::DropDefault => {
                member.default = None;
                includes.push(at);
            }
            ColumnAction::Type { .. }
            | ColumnAction::DropNotNull
            | ColumnAction::SetNotNull
            | ColumnAction::DropExpression { .. }
            | ColumnAction::SetExpression(_)
            | ColumnAction::AddIdentity { .. }
            | ColumnAction::SetIdentity { .. }
            | ColumnAction::DropIdentity { .. }
            | ColumnAction::SetStatistics(_)
            | ColumnAction::SetOptions(_)
            | ColumnAction::ResetOptions(_)
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_) => {}
        }
    }
}

fn member<'a>(cx: &Context<'a>, at: usize) -> Result<Member<'a>, Refusal> {
    let op = &cx.ops[at];
    let wrong = || {
        Refusal::new(
            "not-yet",
            "not a change of a column's type",
            "report this as a mistake in zdm",
        )
    };
    let (name, column, action) = alters(cx.before, op).ok_or_else(wrong)?;
    let ColumnAction::Type {
        ty,
        collation,
        using,
    } = action
    else {
        return Err(wrong());
    };
    let table = cx.plain_table(&name)?;
    let column = columns::existing(table, column)?;
    if let Some(reason) = effects(&op.alone, cx.before).fails {
        return Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        ));
    }
    let up = match using {
        // Without the table's name: in the trigger a row goes by another one.
        Some(using) => expr_from_text(&using.rewrite(|column| Some(column.name.quoted()))),
        None => expr_from_text(&column.name.quoted()),
    };
    let member = Member {
        at,
        table,
        column,
        shadow: cx.own_name(&cx.key(&name, &column.name), &column.name),
        ty: types::canonical(ty, cx.before),
        collation: collation.as_ref().map(ToString::to_string),
        up,
        using: using.is_some(),
        default: column.default.clone(),
    };
    refuse(cx, &member)?;
    Ok(member)
}

/// Refuses by name what cannot be done for one column.
fn refuse(cx: &Context<'_>, member: &Member<'_>) -> Result<(), Refusal> {
    let (table, column) = (member.table, member.column);
    let place = member.place();
    let synced = cx
        .synced
        .iter()
        .any(|(known, synced)| *known == table.name && *synced == column.name);
    let not_null = cx.ops[..cx.at].iter().any(|op| {
        alters(cx.before, op).is_some_and(|(name, other, action)| {
            name == table.name
                && *other == column.name
                && matches!(action, ColumnAction::SetNotNull)
        })
    });
    if synced || not_null {
        return Err(chained(
            member,
            "an earlier statement of this file makes or changes the column",
        ));
    }
    moves::refuse_hanging(cx.before, table, column)?;
    columns::check_followed(cx, table, column)?;
    columns::check_sync_target(table, columns::HelperColumn::Needed)?;
    if domain(&member.ty, cx.before)
        .is_some_and(|domain| domain.constrained || domain.default.is_some())
    {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "{} is a domain with a constraint or a default: adding a column of it beside \
                 {place} would write the table anew",
                member.ty
            ),
            "change the column to the domain's base type, and add the domain's CHECK to the table",
        ));
    }
    if column.identity.is_some() && !matches!(member.ty.as_str(), "smallint" | "integer" | "bigint")
    {
        return Err(Refusal::new(
            "fails",
            format!("{place} is an identity column, which must be smallint, integer or bigint"),
            format!(
                "ALTER TABLE {} ALTER COLUMN {} DROP IDENTITY first",
                table.name, column.name
            ),
        ));
    }
    if !member.using && values::needs_explicit_cast(&column.ty, &member.ty) {
        return Err(Refusal::new(
            "fails",
            format!(
                "the server does not turn {} into {} by itself: it refuses this statement",
                column.ty, member.ty
            ),
            format!(
                "say how: … TYPE {} USING {}::{}",
                member.ty, column.name, member.ty
            ),
        ));
    }
    if member.using {
        columns::check_expression(cx, table, &member.up, "USING")?;
    }
    for (child, constraint) in keys_on(cx, member) {
        if names_columns_behind(constraint) {
            return Err(Refusal::new(
                "cannot-move",
                format!(
                    "the foreign key {} of {} names columns in ON DELETE; zdm cannot move it with \
                     {place} yet",
                    constraint.name,
                    child.name.short()
                ),
                "drop the key before, and add it again in the next migration",
            ));
        }
    }
    Ok(())
}

/// Foreign keys at either end of a column.
fn keys_on<'a>(cx: &Context<'a>, member: &Member<'a>) -> Vec<(&'a Table, &'a Constraint)> {
    let column = &member.column.name;
    let own = member
        .table
        .constraints
        .iter()
        .filter(|constraint| constraint.columns().contains(column))
        .map(|constraint| (member.table, constraint));
    let inbound = cx.before.inbound_foreign_keys(&member.table.name);
    own.chain(inbound)
        .filter(|(_, constraint)| matches!(constraint.kind, ConstraintKind::ForeignKey { .. }))
        .collect()
}

fn names_columns_behind(constraint: &Constraint) -> bool {
    moves::foreign_key_options(&constraint.definition).contains('(')
}

//! The shadow columns of a table: made and kept true in one transaction, filled, checked.

use crate::{
    catalog::{Column, Table},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::PhaseName,
    plan::{
        Backfill, StepKind, Undo, Verify, columns,
        draft::{Draft, lock, step},
        moves, pieces,
        recipe::Context,
        state,
        sync_trigger::{
            SyncSql,
            mirror::{Mirror, Mirrored, mirror_sql},
        },
    },
};

use super::{
    family::{Family, Member},
    swap::Swap,
    values,
};

/// Looks, before anything is made, for what stands in the way.
pub(super) fn look(cx: &Context<'_>, family: &Family<'_>, table: &Table, draft: &mut Draft) {
    let name = &table.name;
    columns::count_unwritable(cx, draft, name);
    for member in family.of_table(name) {
        let column = &member.column.name;
        let (count, sample) = state::unknown_dependents(name, column);
        let look = step(
            StepKind::Verify {
                verify: Verify {
                    table: name.clone(),
                    count: count.clone(),
                    sample: Some(sample),
                    message: format!(
                        "{{count}} objects depend on {} that zdm cannot move",
                        member.place()
                    ),
                    help: "drop them or change them so that they do not name the column, then run \
                           `zdm apply` again"
                        .to_owned(),
                },
            },
            format!("look for what depends on {}", member.place()),
            "everything that hangs on the column must hang on the one that takes its place",
        )
        .sql([count]);
        draft.push(PhaseName::Expand, look);
        values::count_misfits(cx, member, draft);
    }
}

/// The trigger of a table.
fn trigger(cx: &Context<'_>, family: &Family<'_>, table: &ObjectName) -> (SyncSql, Option<Ident>) {
    let members: Vec<&Member<'_>> = family.of_table(table).collect();
    let first = members.first().map(|member| &member.column.name);
    let key = first.map_or_else(String::new, |column| cx.key(table, column));
    let marker = (!members
        .iter()
        .all(|member| values::null_is_fixed(cx, member)))
    .then(|| cx.own_name(&key, &Ident::exact("to fill")));
    let mut settings: Vec<&'static str> = members
        .iter()
        .flat_map(|member| values::settings(member))
        .collect();
    settings.sort_unstable();
    settings.dedup();
    let mirror = Mirror {
        key,
        table: table.clone(),
        columns: members
            .iter()
            .map(|member| Mirrored {
                old: member.column.name.clone(),
                shadow: member.shadow.clone(),
                up: member.up.clone(),
            })
            .collect(),
        marker: marker.clone(),
        settings,
        search_path: cx.before.search_path.clone(),
    };
    let sql = mirror_sql(&mirror, &cx.input.settings.journal_schema, cx.bypass);
    (sql, marker)
}

fn names(members: &[&Member<'_>]) -> String {
    let names: Vec<String> = members
        .iter()
        .map(|member| member.column.name.to_string())
        .collect();
    names.join(", ")
}

/// Columns, function, triggers: one transaction per table.
pub(super) fn expand(
    cx: &Context<'_>,
    family: &Family<'_>,
    table: &Table,
    draft: &mut Draft,
    swap: &mut Swap,
) {
    let name = &table.name;
    let members: Vec<&Member<'_>> = family.of_table(name).collect();
    let (trigger, marker) = trigger(cx, family, name);
    let mut create = Vec::new();
    let mut drops = Vec::new();
    for member in &members {
        let shadow = &member.shadow;
        let collation = member
            .collation
            .as_ref()
            .map_or_else(String::new, |name| format!(" COLLATE {name}"));
        create.push(format!(
            "ALTER TABLE {name} ADD COLUMN {shadow} {}{collation}",
            member.ty
        ));
        // ALTER COLUMN TYPE goes back to how the new type is stored.
        let kept = Column {
            storage: None,
            compression: None,
            ..member.column.clone()
        };
        create.extend(moves::properties(name, shadow, &kept));
        // Refused here, with nothing changed, if the server would refuse the change of type.
        create.push(format!(
            "EXPLAIN UPDATE ONLY {name} SET {shadow} = {} WHERE false",
            member.up.text.trim()
        ));
        drops.push(format!("DROP COLUMN {shadow}"));
    }
    if let Some(marker) = &marker {
        create.push(format!(
            "ALTER TABLE {name} ADD COLUMN {marker} boolean DEFAULT true"
        ));
        create.push(format!(
            "ALTER TABLE {name} ALTER COLUMN {marker} SET DEFAULT NULL"
        ));
        drops.push(format!("DROP COLUMN {marker}"));
        swap.markers.push((name.clone(), marker.clone()));
    }
    create.extend(trigger.create);
    let mut undo = trigger.drop.clone();
    undo.push(format!("ALTER TABLE {name} {}", drops.join(", ")));
    let mut made = pieces::short_ddl(
        name,
        format!(
            "add a column of the new type beside {} of {}, and keep it true",
            names(&members),
            name.short()
        ),
        "each write reaches it from now on; nobody else knows it",
        create,
    )
    .undone_by(Undo::ddl(undo, lock(name, LockMode::AccessExclusive)));
    if let Some(first) = members.first() {
        made = made.state(state::column_present(name, &first.shadow));
    }
    draft.push(PhaseName::Expand, made);
    swap.triggers.extend(trigger.drop);
}

/// One pass over the table fills all of its shadow columns; then it is proved that it did.
pub(super) fn fill(cx: &Context<'_>, family: &Family<'_>, table: &Table, draft: &mut Draft) {
    let name = &table.name;
    let members: Vec<&Member<'_>> = family.of_table(name).collect();
    let (trigger, marker) = trigger(cx, family, name);
    let mut set: Vec<_> = members
        .iter()
        .map(|member| pieces::assign(&member.shadow, member.up.text.trim()))
        .collect();
    set.extend(marker.iter().map(|marker| pieces::assign(marker, "NULL")));
    draft.push(
        PhaseName::Migrate,
        pieces::backfill(
            cx,
            name,
            Backfill {
                table: name.clone(),
                relations: vec![name.clone()],
                set,
                unfilled: trigger.unfilled.clone(),
                volatile: false,
            },
        ),
    );
    if let Some(first) = members.first() {
        draft.push(
            PhaseName::Migrate,
            pieces::verify_filled(cx, name, &first.shadow, &trigger.unfilled),
        );
    }
    for member in members {
        let shadow = &member.shadow;
        let apart = format!(
            "FROM ONLY {name} WHERE NOT {} AND \
             pg_catalog.record_image_ne(ROW({shadow}), ROW(({})::{}))",
            trigger.unfilled,
            member.up.text.trim(),
            member.ty
        );
        draft.verify.push(Verify {
            table: name.clone(),
            count: format!("SELECT pg_catalog.count(*) {apart}"),
            sample: Some(format!("SELECT ctid::pg_catalog.text {apart} LIMIT 5")),
            message: format!(
                "{{count}} rows of {} hold another value of {} in its new type",
                name.short(),
                member.column.name
            ),
            help: "look for who writes the column whose name begins with _zdm_".to_owned(),
        });
    }
}

/// The planner knows nothing of the new columns yet, and plain ALTER COLUMN TYPE forgets too.
pub(super) fn analyze(cx: &Context<'_>, table: &Table, draft: &mut Draft) {
    let name = &table.name;
    let mut analyze = step(
        StepKind::LongDdl,
        format!("let the planner know what {} holds now", name.short()),
        "without statistics of the new column the first queries after the swap would be planned \
         blindly",
    )
    .sql([format!("ANALYZE {name}")])
    .lock(name, LockMode::ShareUpdateExclusive);
    analyze.estimate_ms = pieces::scan_estimate(cx, name).map(|scan| scan / 4 + 1);
    draft.push(PhaseName::Migrate, analyze);
}

//! DROP VIEW and CREATE VIEW of the same view in one file, and nothing between them that needs it
//! away: one transaction, so that no client ever misses the view.

use crate::{
    catalog::View,
    effects::{LockMode, effects},
    ident::ObjectName,
    parse::{PhaseName, StatementKind, statement::Drop},
    plan::{
        StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, step},
        recipe::{Context, Recipe},
        views::{
            self, Recreate,
            redefined::{
                Columns, Redefined, columns, created_view, dropped_views, redefined,
                with_new_definition,
            },
        },
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "redefine-view",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    if let Some(drop) = dropped_views(cx.op) {
        let here: Vec<Redefined> = redefined(cx)
            .into_iter()
            .filter(|view| view.dropped == cx.at)
            .collect();
        return (!here.is_empty()).then(|| Ok(dropping(cx, drop, &here)));
    }
    created_view(cx.op)?;
    let view = redefined(cx)
        .into_iter()
        .find(|view| view.created == cx.at)?;
    Some(creating(cx, &view))
}

/// The DROP VIEW: what comes back later in the file goes only then; the rest goes in contract.
fn dropping(cx: &Context<'_>, drop: &Drop, here: &[Redefined]) -> Draft {
    let mut draft = Draft::default();
    let stays = |name: &ObjectName| here.iter().any(|view| view.name == *name);
    for view in here {
        draft.notes.push(format!(
            "the view {} is dropped and made anew in one transaction, so that nobody misses it",
            view.name.short()
        ));
    }
    let rest: Vec<_> = drop
        .names
        .iter()
        .filter(|name| !stays(&cx.resolve(name)))
        .cloned()
        .collect();
    if rest.is_empty() {
        return draft;
    }
    let mut alone = cx.op.alone.clone();
    let names: Vec<ObjectName> = rest.iter().map(|name| cx.resolve(name)).collect();
    let list: Vec<String> = names.iter().map(ToString::to_string).collect();
    alone.kind = StatementKind::Drop(Drop {
        names: rest,
        ..drop.clone()
    });
    let if_exists = if drop.if_exists { "IF EXISTS " } else { "" };
    let sql = format!("DROP VIEW {if_exists}{}", list.join(", "));
    let mut gone = step(
        StepKind::Ddl,
        sql.clone(),
        "the old application may still use it",
    )
    .sql([sql])
    .irreversible();
    for held in effects(&alone, cx.before).locks {
        gone = gone.lock(&held.relation, held.mode);
    }
    draft.push(PhaseName::Contract, gone);
    draft.breaks_old = true;
    draft.touches.extend(
        names
            .into_iter()
            .map(|name| Touch::write(Element::Relation(name), PhaseName::Contract)),
    );
    draft
}

/// The CREATE VIEW: both, and what belongs to the new view.
fn creating(cx: &Context<'_>, view: &Redefined) -> Result<Draft, Refusal> {
    let name = &view.name;
    let after = with_new_definition(cx, view);
    let (Some(old), Some(new)) = (cx.input.catalog.views.get(name), after.views.get(name)) else {
        return Err(Refusal::new(
            "not-yet",
            format!("zdm cannot tell what becomes of {}", name.short()),
            "drop and create the view in migrations of their own",
        ));
    };
    let phase = phase(cx, old, new)?;
    let mut draft = Draft {
        includes: view.belongings.clone(),
        ..Draft::default()
    };
    let mut sql = vec![cx.op.sql.clone()];
    sql.extend(view.belongings.iter().map(|at| cx.ops[*at].sql.clone()));
    let recreate = Recreate {
        names: vec![name.clone()],
        drop: vec![format!("DROP VIEW {name}")],
        reads: new.reads.iter().map(|(read, _)| read.clone()).collect(),
        ..Recreate::default()
    };
    let mut made = step(
        StepKind::Ddl,
        format!("put another view in the place of {}", name.short()),
        "in one transaction: no client ever misses the view",
    )
    .sql(sql);
    if phase == PhaseName::Contract {
        made = made.irreversible();
        draft.breaks_old = true;
    } else {
        let mut back = vec![format!("DROP VIEW {name}")];
        back.extend(views::anew(cx.input.catalog, old));
        made = made.undone_by(Undo::ddl(
            back,
            crate::plan::draft::lock(name, LockMode::AccessExclusive),
        ));
        draft.conditions.push((
            phase,
            format!(
                "both applications see the new definition of {} from here on",
                name.short()
            ),
        ));
    }
    if let Some(look) = recreate.look() {
        draft.push(PhaseName::Expand, look);
    }
    made = recreate.around(made, phase, &mut draft);
    let reads = new.reads.iter().map(|(relation, column)| {
        Touch::read(match column {
            Some(column) => Element::Column(relation.clone(), column.clone()),
            None => Element::Relation(relation.clone()),
        })
    });
    draft.touches.extend(reads);
    draft.push(phase, made).new_needs_it = cx.phase_directive().is_none();
    Ok(draft)
}

/// Expand when the old application finds all it knows; else the migration must say.
fn phase(cx: &Context<'_>, old: &View, new: &View) -> Result<PhaseName, Refusal> {
    if let Some(phase) = cx.phase_directive() {
        return Ok(phase);
    }
    let name = old.name.short();
    let what = match columns(old, new) {
        Columns::Kept => return Ok(PhaseName::Expand),
        Columns::Lost(column) => {
            format!("the new definition of the view {name} has no column {column}")
        }
        Columns::Unknown => {
            format!("zdm cannot tell whether the new definition of {name} has all its columns")
        }
    };
    Err(Refusal::new(
        "redefined-view",
        format!(
            "{what}: the old application may still read it, and the new one needs the new view"
        ),
        "say `-- zdm: phase expand` before the CREATE VIEW if the old application does not need \
         what goes, `-- zdm: phase contract` if the new one can work with the old view until \
         then; or give the new view another name",
    ))
}

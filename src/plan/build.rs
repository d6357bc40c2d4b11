//! Puts a plan together: operations, recipes, order, numbers, compatibility.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::{
    catalog::{Catalog, apply::apply, fingerprint::fingerprint},
    diagnostic::{Diagnostic, Level},
    ident::{Ident, ObjectName},
    parse::{PhaseName, Script, StatementKind},
    plan::{
        Bypass, Compat, MigrationName, PLAN_VERSION, Phase, Plan, SourceRange,
        draft::{Draft, Element, Refusal, Touch},
        operation::{Operation, operations},
        order::{LateExpand, order},
        recipe::Context,
        recipes::{RECIPES, as_is},
        sets::Sets,
    },
};

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The migration.
    pub migration: &'a MigrationName,
    /// Its checksum.
    pub checksum: &'a str,
    /// Its statements.
    pub script: &'a Script,
    /// What exists before it.
    pub catalog: &'a Catalog,
    /// What is up to the user.
    pub settings: &'a PlanSettings,
}

/// What is up to the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSettings {
    /// When a constraint on an existing column starts to refuse writes.
    pub tighten: Tighten,
    /// What to do with a need of the new application that can only be met in contract.
    pub late_expand: LateExpandPolicy,
    /// Which sizes of tables decide.
    pub sizes: Sizes,
    /// The schema of the journal and of the sync functions.
    pub journal_schema: Ident,
    /// A secret for the bypass of the sync triggers; random, from the caller.
    pub secret: String,
    /// The database the plan is for, when there is one.
    pub database: Option<String>,
}

/// When a constraint on an existing column starts to refuse writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tighten {
    /// In migrate, while the old application still runs.
    #[default]
    Migrate,
    /// At the start of contract.
    Contract,
}

/// What to do with a need of the new application that can only be met in contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateExpandPolicy {
    /// Refuse, and say where to split the file.
    #[default]
    Refuse,
    /// Accept: the new application is deployed after contract.
    Accept,
}

/// Which sizes of tables decide between one statement and many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sizes {
    /// Those of the catalog; an unknown size counts as large.
    #[default]
    Known,
    /// Every table counts as large: what is planned for a small copy is what a large one gets.
    Large,
}

/// A plan, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The plan; not to be run when it is refused.
    pub plan: Plan,
    /// Everything found, errors included.
    pub diagnostics: Vec<Diagnostic>,
    /// What exists after the migration.
    pub after: Catalog,
    /// The names of the recipes that made its steps.
    pub recipes: BTreeSet<&'static str>,
}

impl Planned {
    /// Whether anything forbids running it.
    pub fn refused(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.level == Level::Error)
    }
}

/// Splits a migration into phases.
pub fn plan(input: &PlanInput<'_>) -> Planned {
    let mut diagnostics = input.script.diagnostics.clone();
    let ops = operations(input.script);
    let bypass = bypass(input);
    let mut catalog = input.catalog.clone();
    let mut fresh: BTreeSet<ObjectName> = BTreeSet::new();
    let mut synced: Vec<(ObjectName, Ident)> = Vec::new();
    let mut included: BTreeSet<usize> = BTreeSet::new();
    let mut left: BTreeSet<usize> = BTreeSet::new();
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    let mut recipes = BTreeSet::new();
    for (at, op) in ops.iter().enumerate() {
        let before = catalog.clone();
        apply(&mut catalog, &op.alone, input.script.source.text());
        if !included.contains(&at) {
            let cx = Context {
                op,
                at,
                ops: &ops,
                before: &before,
                after: &catalog,
                input,
                bypass: &bypass,
                fresh: &fresh,
                left: &left,
                synced: &synced,
            };
            let (recipe, drafted) = draft(&cx);
            match drafted {
                Ok(draft) => {
                    if !draft.steps.is_empty() {
                        recipes.insert(recipe);
                    }
                    synced.extend(draft.synced.iter().cloned());
                    included.extend(&draft.includes);
                    if draft.left_to_later {
                        left.insert(at);
                    }
                    drafts.push((at, draft));
                }
                Err(refusal) => diagnostics.push(refusal.at(op.span)),
            }
        }
        if let StatementKind::CreateTable(create) = &op.statement.kind {
            let name = catalog.resolve(&create.name);
            if !before.has_relation(&name) {
                fresh.insert(name);
            }
        }
        let materialized = catalog
            .views
            .values()
            .filter(|view| view.materialized && !before.has_relation(&view.name));
        fresh.extend(materialized.map(|view| view.name.clone()));
    }
    for late in order(&mut drafts) {
        diagnostics.push(late_expand(&late, &ops, input));
    }
    diagnostics.extend(no_overlap(&drafts, &ops, input));
    let plan = assemble(input, &ops, drafts, bypass, &catalog);
    Planned {
        plan,
        diagnostics,
        after: catalog,
        recipes,
    }
}

/// The first recipe that takes the operation, and what it makes of it; on a table of this very
/// file, none but `as-is`.
fn draft(cx: &Context<'_>) -> (&'static str, Result<Draft, Refusal>) {
    let new_table = target(cx).is_some_and(|table| cx.is_fresh(&table));
    RECIPES
        .iter()
        .filter(|recipe| !new_table || recipe.name == as_is::RECIPE.name)
        .find_map(|recipe| Some((recipe.name, (recipe.draft)(cx)?)))
        .unwrap_or_else(|| (as_is::RECIPE.name, Ok(Draft::default())))
}

/// The relation an operation is about, when it is about one.
pub fn target(cx: &Context<'_>) -> Option<ObjectName> {
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) => Some(cx.resolve(&alter.name)),
        StatementKind::CreateIndex(create) => Some(cx.resolve(&create.table)),
        StatementKind::Update(update) => Some(cx.resolve(&update.table)),
        StatementKind::Data(data) => data.targets.first().map(|name| cx.resolve(name)),
        StatementKind::CreateTable(_)
        | StatementKind::Drop(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => None,
    }
}

fn bypass(input: &PlanInput<'_>) -> Bypass {
    let hash = Sha256::digest(input.migration.id.as_bytes());
    let hex: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Bypass {
        setting: format!("zdm.bypass_{hex}"),
        secret: input.settings.secret.clone(),
    }
}

fn late_expand(late: &LateExpand, ops: &[Operation<'_>], input: &PlanInput<'_>) -> Diagnostic {
    let level = match input.settings.late_expand {
        LateExpandPolicy::Refuse => Level::Error,
        LateExpandPolicy::Accept => Level::Info,
    };
    Diagnostic::new(
        "late-expand",
        level,
        ops[late.operation].span,
        format!(
            "`{}` can only happen in contract, but the new application needs it before",
            late.title
        ),
    )
    .with_label(
        ops[late.behind].span,
        "it depends on this, which is finished in contract",
    )
    .with_help(format!(
        "split the file before line {}: put this statement and all after it into a migration of \
         their own; or allow it with --allow-late-expand and deploy the new application after \
         contract",
        input
            .script
            .source
            .position(ops[late.operation].span.start)
            .line
    ))
}

/// Where one statement ends the old application in contract and another lets the new one start
/// only after it, there is a moment at which neither works.
fn no_overlap(
    drafts: &[(usize, Draft)],
    ops: &[Operation<'_>],
    input: &PlanInput<'_>,
) -> Option<Diagnostic> {
    let (late, _) = drafts.iter().find(|(_, draft)| draft.new_after_contract)?;
    let (breaks, _) = drafts.iter().find(|(_, draft)| draft.breaks_old)?;
    let level = match input.settings.late_expand {
        LateExpandPolicy::Refuse => Level::Error,
        LateExpandPolicy::Accept => Level::Info,
    };
    Some(
        Diagnostic::new(
            "late-expand",
            level,
            ops[*late].span,
            "the new application can only start after contract, but the old one ends with it",
        )
        .with_label(
            ops[*breaks].span,
            "this ends the old application in contract",
        )
        .with_help(
            "put one of the two statements into a migration of its own, or allow it with \
             --allow-late-expand if both applications are one that works with either shape",
        ),
    )
}

fn assemble(
    input: &PlanInput<'_>,
    ops: &[Operation<'_>],
    drafts: Vec<(usize, Draft)>,
    bypass: Bypass,
    after: &Catalog,
) -> Plan {
    let mut phases: Vec<Phase> = PhaseName::ALL
        .map(|phase| Phase {
            phase,
            steps: Vec::new(),
        })
        .into();
    let mut notes: Vec<String> = Vec::new();
    let mut conditions = Vec::new();
    let mut verify = Vec::new();
    let (mut breaks_old, mut new_after_contract) = (false, false);
    let sets = Sets::of(
        drafts
            .iter()
            .flat_map(|(_, draft)| touched(draft))
            .collect::<Vec<_>>()
            .iter(),
    );
    let mut watched: BTreeMap<String, String> = BTreeMap::new();
    for (at, draft) in drafts {
        let absent = |name: &ObjectName| (name.to_string(), "absent".to_owned());
        watched.extend(draft.watches.iter().map(absent));
        breaks_old |= draft.breaks_old;
        new_after_contract |= draft.new_after_contract;
        for note in draft.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        conditions.extend(draft.conditions);
        verify.extend(draft.verify);
        for drafted in draft.steps {
            let phase = &mut phases[drafted.phase as usize];
            let mut step = drafted.step;
            if drafted.phase != PhaseName::Contract {
                step.sql.splice(0..0, drafted.when_small);
            }
            step.id = format!("{}-{}", drafted.phase.as_str(), phase.steps.len() + 1);
            step.source = Some(source_range(input, &ops[at]));
            if drafted.phase == PhaseName::Contract && step.undo.is_empty() {
                let harmless = matches!(
                    step.kind,
                    crate::plan::StepKind::Verify { .. } | crate::plan::StepKind::WaitForSnapshots
                );
                step.reversible = harmless;
            }
            phase.steps.push(step);
        }
    }
    let compat = compat(&phases, &conditions, breaks_old, new_after_contract);
    let mut fingerprint = fingerprints(input.catalog, &phases);
    fingerprint.extend(watched);
    Plan {
        version: 1,
        plan_version: PLAN_VERSION,
        zdm_version: env!("CARGO_PKG_VERSION").to_owned(),
        pg_version: input.catalog.version,
        database: input.settings.database.clone(),
        sizes: None,
        migration: input.migration.clone(),
        checksum: input.checksum.to_owned(),
        fingerprint,
        compat,
        phases,
        notes,
        search_path: after.search_path.clone(),
        bypass,
        verify,
        sets: Some(sets),
    }
}

/// What a draft touches. One that has steps and does not say what they touch has everything that
/// they lock; and if they lock nothing, what they touch is not known.
fn touched(draft: &Draft) -> Vec<Touch> {
    if draft.steps.is_empty() || !draft.touches.is_empty() {
        return draft.touches.clone();
    }
    let locked: Vec<Touch> = draft
        .steps
        .iter()
        .flat_map(|step| step.step.locks.iter().map(|lock| (step.phase, lock)))
        .map(|(phase, lock)| Touch::write(Element::Relation(lock.relation.clone()), phase))
        .collect();
    if locked.is_empty() {
        return vec![Touch::write(Element::Anything, PhaseName::Contract)];
    }
    locked
}

fn source_range(input: &PlanInput<'_>, op: &Operation<'_>) -> SourceRange {
    let source = &input.script.source;
    SourceRange {
        file: source.name().to_owned(),
        start: source.position(op.span.start),
        end: source.position(op.span.end),
    }
}

/// The old application until contract begins, the new one from the verified end of migrate, or of
/// contract where something stands under its own name only then.
fn compat(
    phases: &[Phase],
    conditions: &[(PhaseName, String)],
    breaks_old: bool,
    new_after_contract: bool,
) -> Vec<Compat> {
    let migrates = phases
        .iter()
        .any(|phase| phase.phase == PhaseName::Migrate && !phase.steps.is_empty());
    PhaseName::ALL
        .into_iter()
        .map(|after| Compat {
            after,
            old: after != PhaseName::Contract || !breaks_old,
            new: after == PhaseName::Contract
                || !new_after_contract && (after != PhaseName::Expand || !migrates),
            notes: once(
                conditions
                    .iter()
                    .filter(|(phase, _)| *phase == after)
                    .map(|(_, note)| note),
            ),
        })
        .collect()
}

/// The texts in their order, each once.
fn once<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !kept.contains(text) {
            kept.push(text.clone());
        }
    }
    kept
}

/// Fingerprints of the tables that the plan locks or reads.
fn fingerprints(catalog: &Catalog, phases: &[Phase]) -> BTreeMap<String, String> {
    phases
        .iter()
        .flat_map(|phase| &phase.steps)
        .flat_map(|step| {
            let locks = step.locks.iter().map(|lock| &lock.relation);
            locks.chain(step.scans.iter().map(|scan| &scan.relation))
        })
        .filter_map(|name| catalog.tables.get(name))
        .map(|table| (table.name.to_string(), fingerprint(table, &BTreeSet::new())))
        .collect()
}

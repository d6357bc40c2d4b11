//! A plan for people: what runs in which phase, what it holds up, and how it is taken back.

use std::fmt::Write as _;

use crate::{
    effects::{LockMode, RelationLock},
    plan::{Compat, Guard, Phase, PhaseName, Plan, Step, StepKind},
    report::{BAD, BOLD, CARE, DIM, GOOD, duration, indented, styled},
};

/// The whole plan.
pub fn plan(plan: &Plan) -> String {
    let mut out = heading(plan);
    let turn = first_irreversible(plan);
    // Where the new application starts after contract, the old one is there to the end.
    let old_stays = plan
        .compat
        .iter()
        .any(|compat| compat.after == PhaseName::Migrate && !compat.new);
    for phase in &plan.phases {
        out.push_str(&self::phase(phase, turn, old_stays));
        if let Some(compat) = plan.compat.iter().find(|c| c.after == phase.phase) {
            out.push_str(&compatibility(compat));
        }
        out.push('\n');
    }
    out.push_str(&reversibility(plan, turn));
    if !plan.notes.is_empty() {
        let _ = writeln!(out, "\n{}", styled(BOLD, "Notes"));
        for note in &plan.notes {
            out.push_str(&bullet(note, "  "));
        }
    }
    out
}

fn heading(plan: &Plan) -> String {
    let against = plan
        .database
        .as_ref()
        .map_or_else(|| offline(plan), |database| format!("database {database}"));
    format!(
        "{} {}\n\n",
        styled(BOLD, title(plan)),
        styled(
            DIM,
            format_args!("(PostgreSQL {}, {against})", plan.pg_version)
        ),
    )
}

/// What is known of sizes without a database.
pub(super) fn offline(plan: &Plan) -> String {
    match &plan.sizes {
        Some(sizes) => format!("offline: {sizes}; a size that is not known counts as large"),
        None => "offline: sizes are not known and count as large".to_owned(),
    }
}

/// `0042 rename_name`, without a stray blank when one part is missing.
pub fn title(plan: &Plan) -> String {
    format!("{} {}", plan.migration.id, plan.migration.name)
        .trim()
        .to_owned()
}

fn phase(phase: &Phase, turn: Option<&str>, old_stays: bool) -> String {
    let about = match phase.phase {
        PhaseName::Expand => "additive and short; the old application keeps working",
        PhaseName::Migrate => "long work under weak locks; clients keep working",
        PhaseName::Contract if old_stays => "short strong locks; clients keep working",
        PhaseName::Contract => "short strong locks; the old application must be gone",
    };
    let mut out = format!(
        "{} {}\n",
        styled(BOLD, phase.phase.as_str().to_uppercase()),
        styled(DIM, format_args!("({about})"))
    );
    if phase.steps.is_empty() {
        out.push_str("  nothing to do\n");
    }
    for step in &phase.steps {
        if turn == Some(step.id.as_str()) {
            let _ = writeln!(out, "\n  {}", styled(BAD, turning_point(phase.phase, step)));
        }
        out.push_str(&self::step(step));
    }
    out
}

/// What the first step that cannot be taken back means for the way back.
fn turning_point(phase: PhaseName, step: &Step) -> &'static str {
    match &step.kind {
        StepKind::Rows { .. } | StepKind::Batches { .. } if phase != PhaseName::Contract => {
            "── from here on a rollback leaves the rows as they are then ──"
        }
        _ => "── from here on there is no way back ──",
    }
}

fn step(step: &Step) -> String {
    let mut out = format!("\n  {}  {}\n", styled(BOLD, &step.id), step.title);
    for sql in &step.sql {
        out.push_str(&indented(&terminated(sql), "      "));
    }
    for lock in &step.locks {
        line(&mut out, "lock", &lock_in_words(lock, step));
    }
    if step.locks.is_empty() {
        line(&mut out, "lock", "none on any table that exists");
    }
    for scan in &step.scans {
        let held = if scan.under.blocks_writes() {
            format!("while {} {}", scan.under, scan.under.in_words())
        } else {
            "while clients read and write".to_owned()
        };
        line(
            &mut out,
            "scan",
            &format!(
                "reads all of {} {}, {held}",
                scan.relation.short(),
                scan.purpose
            ),
        );
    }
    for relation in &step.rewrites {
        line(
            &mut out,
            "rewrite",
            &format!("writes all of {} anew", relation.short()),
        );
    }
    if !step.transactional {
        line(
            &mut out,
            "runs",
            "not in one transaction; it can be repeated if it is interrupted",
        );
    }
    if let Some(estimate) = step.estimate_ms {
        line(&mut out, "takes", &format!("about {}", duration(estimate)));
    }
    line(&mut out, "undo", &undo(step));
    if !step.reason.is_empty() {
        line(&mut out, "why", &step.reason);
    }
    if let Some(source) = &step.source {
        line(
            &mut out,
            "from",
            &format!("{}:{}", source.file, source.start.line),
        );
    }
    out
}

/// `users: ACCESS EXCLUSIVE — blocks reads and writes; asked for without a queue`.
fn lock_in_words(lock: &RelationLock, step: &Step) -> String {
    let long = step.rewrites.contains(&lock.relation)
        || step.scans.iter().any(|scan| scan.relation == lock.relation);
    let held = if long { "" } else { "; held for a moment" };
    let asked = match step.guard {
        Guard::Ladder if lock.mode > LockMode::ShareUpdateExclusive => {
            format!("{held}; asked for so that nobody queues behind it")
        }
        Guard::Timeout if lock.mode > LockMode::ShareUpdateExclusive => {
            format!("{held}; asked for under a short lock_timeout")
        }
        Guard::None | Guard::Ladder | Guard::Timeout => String::new(),
    };
    format!(
        "{}: {}, {}{asked}",
        lock.relation.short(),
        lock.mode,
        lock.mode.in_words()
    )
}

fn undo(step: &Step) -> String {
    let mut out = match (step.reversible, step.undo.is_empty()) {
        (true, true) => return "nothing needs to be taken back".to_owned(),
        (false, true) => return styled(CARE, "cannot be taken back"),
        (true, false) => String::new(),
        (false, false) => {
            styled(
                CARE,
                "brings the shape back, not everything that was in it:",
            ) + "\n"
        }
    };
    for undo in &step.undo {
        for sql in &undo.sql {
            out.push_str(&terminated(sql));
            out.push('\n');
        }
        if let Some(loses) = &undo.loses {
            let _ = writeln!(
                out,
                "{} {}",
                styled(CARE, "asks first when rows would lose something:"),
                loses.message.replace("{count}", "some")
            );
        }
    }
    out
}

fn compatibility(compat: &Compat) -> String {
    let mut out = format!(
        "\n  {} old {}   new {}\n",
        styled(BOLD, format_args!("after {}:", compat.after.as_str())),
        works(compat.old),
        works(compat.new)
    );
    for note in &compat.notes {
        out.push_str(&bullet(note, "    "));
    }
    out
}

fn works(works: bool) -> String {
    if works {
        styled(GOOD, "✓")
    } else {
        styled(BAD, "✗")
    }
}

/// The first step that cannot be taken back.
fn first_irreversible(plan: &Plan) -> Option<&str> {
    plan.steps()
        .find(|step| !step.reversible)
        .map(|step| step.id.as_str())
}

fn reversibility(plan: &Plan, turn: Option<&str>) -> String {
    match turn {
        Some(id) => {
            let phase = plan.phase_of(id).map_or("", |phase| phase.as_str());
            format!(
                "Reversible until {id} in {phase}: before it `zdm rollback {}` takes everything back.\n",
                plan.migration.id
            )
        }
        None => format!(
            "Every step can be taken back with `zdm rollback {}`.\n",
            plan.migration.id
        ),
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    for (at, part) in text.lines().enumerate() {
        let label = if at == 0 { label } else { "" };
        let _ = writeln!(
            out,
            "      {} {part}",
            styled(DIM, format_args!("{label:<8}"))
        );
    }
}

fn bullet(text: &str, indent: &str) -> String {
    format!(
        "{indent}- {}\n",
        text.replace('\n', &format!("\n{indent}  "))
    )
}

/// A statement with its semicolon, which must not end up inside a comment at its end.
pub(super) fn terminated(sql: &str) -> String {
    let sql = sql.trim_end();
    if sql.ends_with(';') {
        sql.to_owned()
    } else if sql
        .lines()
        .next_back()
        .is_some_and(|last| last.contains("--"))
    {
        format!("{sql}\n;")
    } else {
        format!("{sql};")
    }
}

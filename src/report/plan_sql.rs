//! A plan as a script: every statement that `zdm apply` would send for it, with comments.
//!
//! It is for reading and for review. What goes on around the statements — the lock ladder, the
//! journal, the batches of a backfill — is said in comments, never left out.

use std::fmt::Write as _;

use crate::{
    plan::{Guard, Plan, Step, StepKind},
    report::plan_human::{terminated, title},
};

/// The whole plan.
pub fn plan(plan: &Plan) -> String {
    let mut out = format!(
        "-- {}, planned by zdm {} for PostgreSQL {}.\n-- {}\n",
        title(plan),
        plan.zdm_version,
        plan.pg_version,
        "To be read, not run: `zdm apply` waits for locks without a queue and records each step."
    );
    for note in &plan.notes {
        comment(&mut out, note);
    }
    for phase in &plan.phases {
        let _ = writeln!(out, "\n-- ===== {} =====", phase.phase.as_str());
        if phase.steps.is_empty() {
            out.push_str("-- nothing to do\n");
        }
        for step in &phase.steps {
            self::step(&mut out, step);
        }
        if let Some(compat) = plan.compat.iter().find(|c| c.after == phase.phase) {
            let _ = writeln!(
                out,
                "\n-- after {}: the old application {}, the new application {}",
                phase.phase.as_str(),
                works(compat.old),
                works(compat.new)
            );
            for note in &compat.notes {
                comment(&mut out, note);
            }
        }
    }
    out
}

fn works(works: bool) -> &'static str {
    if works { "works" } else { "does not work" }
}

fn step(out: &mut String, step: &Step) {
    let _ = writeln!(out, "\n-- {}: {}", step.id, one_line(&step.title));
    comment(out, &step.reason);
    for lock in &step.locks {
        let _ = writeln!(
            out,
            "-- lock: {} on {}, {}",
            lock.mode,
            lock.relation,
            lock.mode.in_words()
        );
    }
    match step.guard {
        Guard::None => {}
        Guard::Ladder => {
            out.push_str("-- its locks are asked for without a queue, within the budget\n");
        }
        Guard::Timeout => {
            out.push_str("-- under a short lock_timeout, repeated within the budget\n");
        }
    }
    match &step.kind {
        StepKind::Ddl | StepKind::Rows { .. } if step.transactional => {
            out.push_str("BEGIN;\n");
            statements(out, &step.sql);
            out.push_str("COMMIT;\n");
        }
        StepKind::Backfill { .. } | StepKind::Batches { .. } => {
            out.push_str("-- once for each batch, {…} filled in, until no row is left:\n");
            for sql in &step.sql {
                for line in terminated(sql).lines() {
                    let _ = writeln!(out, "--   {line}");
                }
            }
        }
        StepKind::Ddl
        | StepKind::Rows { .. }
        | StepKind::LongDdl
        | StepKind::Bare
        | StepKind::CreateIndex { .. }
        | StepKind::DropIndex { .. }
        | StepKind::Reindex { .. } => statements(out, &step.sql),
        StepKind::Verify { verify } => {
            let _ = writeln!(out, "-- goes on only if this is 0:");
            statements(out, std::slice::from_ref(&verify.count));
        }
        StepKind::WaitForSnapshots => {
            out.push_str("-- waits until no snapshot is older than the last backfill commit\n");
            statements(out, &step.sql);
        }
    }
    if step.undo.is_empty() {
        if !step.reversible {
            out.push_str("-- cannot be taken back\n");
        }
    } else {
        out.push_str("-- undo:\n");
        for sql in step.undo.iter().flat_map(|undo| &undo.sql) {
            for line in terminated(sql).lines() {
                let _ = writeln!(out, "--   {line}");
            }
        }
    }
}

fn statements(out: &mut String, sql: &[String]) {
    for sql in sql {
        out.push_str(&terminated(sql));
        out.push('\n');
    }
}

fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "-- {line}");
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

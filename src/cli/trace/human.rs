//! What was seen, for people: one paragraph for each statement.

use std::fmt::Write as _;

use crate::{
    report::{count, thousands},
    trace::{
        Alone, Claim, LockedThing, ObservedLock, Place, StatementTrace, Subject, Trace, Verdict,
    },
};

/// How many locks that nothing is said of are listed.
const LISTED: usize = 12;

/// The whole of it.
pub(super) fn trace(trace: &Trace, rows: u32) -> String {
    let mut out = String::new();
    let place = match trace.place {
        Place::Private => "a private server",
        Place::Scratch => "a scratch database",
    };
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let _ = write!(
        out,
        "{} on {place}, PostgreSQL {}; {} with up to {} rows",
        trace.file,
        trace.pg_version,
        count(number(trace.tables_with_rows), "table"),
        thousands(u64::from(rows)),
    );
    if !trace.tables_without_rows.is_empty() {
        let _ = write!(out, ", none in {}", trace.tables_without_rows.join(", "));
    }
    let how = if trace.one_transaction {
        "All in one transaction: a lock is held from its statement to the end."
    } else {
        "Each statement in a transaction of its own, or outside of one where it must."
    };
    let _ = writeln!(out, "\n{how}");
    for statement in &trace.statements {
        out.push('\n');
        paragraph(&mut out, statement);
    }
    let summary = trace.summary;
    let _ = writeln!(
        out,
        "\n{} confirmed, {} contradicted, {} seen only live, {} said only statically",
        summary.confirmed, summary.contradicted, summary.only_live, summary.only_static
    );
    out
}

fn paragraph(out: &mut String, statement: &StatementTrace) {
    let mut words = statement
        .sql
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if words.chars().count() > 96 {
        words = words.chars().take(95).collect::<String>() + "…";
    }
    let _ = writeln!(out, "line {}  {words}", statement.start.line);
    let Some(seen) = &statement.seen else {
        let _ = writeln!(out, "  not run");
        return;
    };
    let how = match seen.alone {
        Alone::Outside if !statement.claims.is_empty() => ", outside a transaction",
        Alone::Outside | Alone::InTransaction | Alone::OwnTransaction => "",
    };
    let _ = writeln!(out, "  {:.1} ms{how}", seen.milliseconds);
    if statement.unknown {
        let _ = writeln!(out, "  zdm does not understand all of this statement");
    }
    for claim in &statement.claims {
        let _ = writeln!(out, "  {:<15} {}", verdict(claim.verdict), words_of(claim));
    }
    let rest: Vec<String> = seen
        .locks
        .iter()
        .filter(|lock| !claimed(lock, &statement.claims))
        .map(lock_in_words)
        .collect();
    for lock in rest.iter().take(LISTED) {
        let _ = writeln!(out, "  also locked     {lock}");
    }
    if rest.len() > LISTED {
        let _ = writeln!(out, "                  and {} more", rest.len() - LISTED);
    }
    for message in &seen.messages {
        let _ = writeln!(out, "  server says     {}", message.text);
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "confirmed",
        Verdict::Contradicted => "contradicted",
        Verdict::OnlyLive => "seen only live",
        Verdict::OnlyStatic => "said only",
    }
}

fn words_of(claim: &Claim) -> String {
    let said = claim.said.as_deref();
    let seen = claim.seen.as_deref();
    let relation = claim.relation.as_deref().unwrap_or_default();
    match claim.about {
        Subject::Lock => match (said, seen) {
            (Some(said), Some(seen)) if said != seen => {
                format!("lock on {relation}: {said} was said, {seen} was seen")
            }
            (said, seen) => {
                format!("{} on {relation}", said.or(seen).unwrap_or_default())
            }
        },
        Subject::Rewrite => format!("{relation} is written anew"),
        Subject::Scan => format!("every row of {relation} is read"),
        Subject::Transaction | Subject::Wait => match (said, seen) {
            (Some(said), Some(seen)) if said != seen => {
                format!("`{said}` was said, `{seen}` was seen")
            }
            (said, seen) => said.or(seen).unwrap_or_default().to_owned(),
        },
        Subject::Failure => match (said, seen) {
            (Some(said), Some(seen)) => format!("it fails: {seen} (said: {said})"),
            (Some(said), None) => format!("it does not fail, though it was said: {said}"),
            (None, seen) => format!("it fails: {}", seen.unwrap_or_default()),
        },
    }
}

/// Whether one of the claims is about that lock.
fn claimed(lock: &ObservedLock, claims: &[Claim]) -> bool {
    let name = match &lock.thing {
        LockedThing::Relation(name) | LockedThing::Index(name) => name,
        LockedThing::Toast(_)
        | LockedThing::System(_)
        | LockedThing::Object(_)
        | LockedThing::Advisory(_)
        | LockedThing::Other(_) => return false,
    };
    claims
        .iter()
        .any(|claim| claim.about == Subject::Lock && claim.relation.as_ref() == Some(name))
}

fn lock_in_words(lock: &ObservedLock) -> String {
    let thing = match &lock.thing {
        LockedThing::Relation(name)
        | LockedThing::System(name)
        | LockedThing::Object(name)
        | LockedThing::Other(name) => name.clone(),
        LockedThing::Index(name) => format!("index {name}"),
        LockedThing::Toast(name) => format!("the long values of {name}"),
        LockedThing::Advisory(name) => format!("advisory lock {name}"),
    };
    let note = match (lock.created, lock.held_before) {
        (true, _) => " (new)",
        (false, true) => " (held since an earlier statement)",
        (false, false) => "",
    };
    format!("{} on {thing}{note}", lock.mode)
}

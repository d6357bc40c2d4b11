//! A plan made by hand that holds one of everything a plan can hold.

use std::collections::BTreeMap;

use zdm::{
    catalog::PgVersion,
    effects::{LockMode, RelationLock, Scan},
    ident::{Ident, ObjectName},
    plan::{
        Assignment, Backfill, Bypass, Compat, Guard, MigrationName, PLAN_VERSION, Phase, PhaseName,
        Plan, Sets, SourceRange, Step, StepKind, Undo, UndoKind, Verify,
        draft::{Element, Touch},
    },
    source::Position,
};

pub(super) fn users() -> ObjectName {
    ObjectName::public("users")
}

fn lock(mode: LockMode) -> RelationLock {
    RelationLock {
        relation: users(),
        mode,
    }
}

fn verify() -> Verify {
    Verify {
        table: users(),
        count: "SELECT count(*) FROM public.users WHERE full_name IS NULL".into(),
        sample: Some("SELECT id::text FROM public.users WHERE full_name IS NULL LIMIT 5".into()),
        message: "{count} rows of users have no full_name".into(),
        help: "give them one, or write `-- zdm: up <expression>`".into(),
    }
}

fn step(id: &str, kind: StepKind, title: &str, sql: &[&str]) -> Step {
    Step {
        id: id.into(),
        kind,
        title: title.into(),
        sql: sql.iter().map(|&sql| sql.to_owned()).collect(),
        source: Some(SourceRange {
            file: "migrations/0002_rename.sql".into(),
            start: Position {
                line: 3,
                column: 1,
                byte: 20,
            },
            end: Position {
                line: 3,
                column: 52,
                byte: 71,
            },
        }),
        transactional: true,
        guard: Guard::None,
        pre: None,
        post: None,
        locks: Vec::new(),
        rewrites: Vec::new(),
        scans: Vec::new(),
        undo: Vec::new(),
        reversible: true,
        reason: String::new(),
        estimate_ms: None,
    }
}

fn expand() -> Vec<Step> {
    vec![Step {
        guard: Guard::Ladder,
        pre: Some("SELECT 'todo'".into()),
        post: Some("SELECT 'done'".into()),
        locks: vec![lock(LockMode::AccessExclusive)],
        undo: vec![Undo {
            how: UndoKind::Ddl,
            sql: vec!["ALTER TABLE public.users DROP COLUMN full_name".into()],
            locks: vec![lock(LockMode::AccessExclusive)],
            loses: Some(verify()),
        }],
        reason: "The old application does not see the new column.".into(),
        ..step(
            "expand-1",
            StepKind::Ddl,
            "add full_name and keep it in step with name",
            &[
                "ALTER TABLE public.users ADD COLUMN full_name text",
                "SELECT 1 -- a comment at the end",
            ],
        )
    }]
}

fn migrate() -> Vec<Step> {
    let backfill = Backfill {
        table: users(),
        relations: vec![users()],
        set: vec![Assignment {
            column: Ident::exact("full_name"),
            value: "name".into(),
        }],
        unfilled: "full_name IS NULL".into(),
        volatile: false,
    };
    let index = ObjectName::public("users_full_name_idx");
    vec![
        Step {
            transactional: false,
            locks: vec![lock(LockMode::RowExclusive)],
            estimate_ms: Some(840_000),
            reason: "Rows written before the trigger existed have no full_name yet.".into(),
            ..step(
                "migrate-1",
                StepKind::Backfill { backfill },
                "fill full_name",
                &["UPDATE public.users SET full_name = name\nWHERE ctid = ANY ({ctids})"],
            )
        },
        Step {
            transactional: false,
            locks: vec![lock(LockMode::ShareUpdateExclusive)],
            scans: vec![Scan {
                relation: users(),
                under: LockMode::ShareUpdateExclusive,
                purpose: "to build users_full_name_idx".into(),
            }],
            undo: vec![Undo {
                how: UndoKind::Bare,
                sql: vec!["DROP INDEX CONCURRENTLY public.users_full_name_idx".into()],
                locks: Vec::new(),
                loses: None,
            }],
            ..step(
                "migrate-2",
                StepKind::CreateIndex {
                    index,
                    table: users(),
                },
                "build users_full_name_idx",
                &["CREATE INDEX CONCURRENTLY users_full_name_idx ON public.users (full_name)"],
            )
        },
        step(
            "migrate-3",
            StepKind::Verify { verify: verify() },
            "look for rows without full_name",
            &["SELECT count(*) FROM public.users WHERE full_name IS NULL"],
        ),
    ]
}

fn contract() -> Vec<Step> {
    vec![
        step(
            "contract-1",
            StepKind::WaitForSnapshots,
            "wait for older snapshots",
            &[],
        ),
        Step {
            guard: Guard::Ladder,
            locks: vec![lock(LockMode::AccessExclusive)],
            rewrites: vec![users()],
            scans: vec![Scan {
                relation: users(),
                under: LockMode::AccessExclusive,
                purpose: "to prove that no row is NULL".into(),
            }],
            reversible: false,
            reason: "The old application still reads name until here.".into(),
            ..step(
                "contract-2",
                StepKind::Ddl,
                "drop name",
                &["ALTER TABLE public.users DROP COLUMN name"],
            )
        },
    ]
}

/// The plan.
pub(super) fn plan() -> Plan {
    let compat = |after, old, new, notes: &[&str]| Compat {
        after,
        old,
        new,
        notes: notes.iter().map(|&note| note.to_owned()).collect(),
    };
    Plan {
        version: 1,
        plan_version: PLAN_VERSION,
        zdm_version: "0.1.0".into(),
        pg_version: PgVersion::V18,
        database: None,
        sizes: None,
        migration: MigrationName {
            id: "0002".into(),
            name: "rename".into(),
        },
        checksum: "sha256:00".into(),
        fingerprint: BTreeMap::from([("public.users".into(), "abc".into())]),
        compat: vec![
            compat(PhaseName::Expand, true, false, &[]),
            compat(
                PhaseName::Migrate,
                true,
                true,
                &["writes that leave full_name NULL are refused"],
            ),
            compat(PhaseName::Contract, false, true, &[]),
        ],
        phases: vec![
            Phase {
                phase: PhaseName::Expand,
                steps: expand(),
            },
            Phase {
                phase: PhaseName::Migrate,
                steps: migrate(),
            },
            Phase {
                phase: PhaseName::Contract,
                steps: contract(),
            },
        ],
        notes: vec!["The columns end in another physical order than plain SQL gives.".into()],
        search_path: vec![Ident::exact("public")],
        bypass: Bypass {
            setting: "zdm.bypass_1a2b3c4d".into(),
            secret: "s3cret".into(),
        },
        verify: vec![verify()],
        sets: Some(Sets::of(&[
            Touch::write(
                Element::Column(users(), Ident::exact("name")),
                PhaseName::Contract,
            ),
            Touch::read(Element::Name(ObjectName::public("full_names"))),
        ])),
    }
}

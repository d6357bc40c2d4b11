//! The list of measured locks that lies beside the project: `effects` agrees with every row of it,
//! for every server version that a row was measured on.
//!
//! No server is needed: the list holds what servers did, and the catalog is replayed from the
//! tables that the list says it was measured on.

use std::collections::{BTreeMap, BTreeSet};

use zdm::{
    catalog::{Catalog, PgVersion, apply},
    effects::{Effects, LockMode, effects},
    ident::ObjectName,
    parse::parse,
    source::SourceFile,
};

use crate::support::measured::{Row, TABLES, assert_agreement, setup};

/// Rows of which `effects` says the worst case, or that it does not know: what decides is not in
/// a catalog.
const AT_MOST: &[&str] = &[
    // The planner inlines what the body of the function says.
    "addcol-userfn-volatile",
    // Which tablespace is the database's own.
    "set-tablespace-same",
    // That a default partition holds no row of the new bound is proved by the server only.
    "attach-default-check",
    // Tables made of a type, and what a function's CASCADE takes along, are not in the catalog.
    "type-alter-attr",
    "x-drop-function-default",
    // A LIMIT may spare most of it.
    "copy-from-select",
];

/// Rows whose index is made anew under its old name, which the list does not count as rewritten.
const MADE_ANEW: &[&str] = &["type-vtext-exprindexed"];

/// Rows whose error depends on what is in the rows of a table, or came earlier in the transaction.
const UNFORESEEN: &[&str] = &["addcol-nn-nodefault", "addcol-pk", "enum-add-use"];

/// The effects of the last statement of a row, on the catalog before it.
fn said(row: &Row, version: PgVersion) -> (Effects, Catalog) {
    let mut catalog = Catalog::empty(version);
    let mut run = |sql: &str| {
        let script = parse(SourceFile::new("setup.sql", sql));
        assert!(
            script.diagnostics.is_empty(),
            "{sql}: {:?}",
            script.diagnostics
        );
        for statement in &script.statements {
            apply(&mut catalog, statement, sql);
        }
    };
    run(TABLES);
    setup(&row.id).into_iter().for_each(&mut run);
    let script = parse(SourceFile::new("row.sql", &row.sql));
    let (last, earlier) = script.statements.split_last().expect("a statement");
    for statement in earlier {
        apply(&mut catalog, statement, &row.sql);
    }
    (effects(last, &catalog), catalog)
}

/// What differs, in words.
fn differences(row: &Row, version: PgVersion) -> Vec<String> {
    let (said, catalog) = said(row, version);
    if row.fails {
        let unforeseen = UNFORESEEN.contains(&row.id.as_str());
        return if said.fails.is_some() == unforeseen {
            vec![format!(
                "the server refuses it, effects say {:?}",
                said.fails
            )]
        } else {
            Vec::new()
        };
    }
    if let Some(reason) = &said.fails {
        return vec![format!("the server runs it, effects say {reason}")];
    }
    // The list leaves out locks on the indexes of primary keys, and may hold those of an index that
    // is made anew under its old name; `effects` leaves out weak locks on indexes.
    let key = |name: &ObjectName| name.name.as_str().ends_with("_pkey");
    let counts = |name: &ObjectName| catalog.has_relation(name) && !key(name);
    let name = |name: &ObjectName| name.name.as_str().to_owned();
    let locks: BTreeMap<String, LockMode> = said
        .locks
        .iter()
        .filter(|lock| counts(&lock.relation))
        .map(|lock| (name(&lock.relation), lock.mode))
        .collect();
    let index = |relation: &str| {
        let mut tables = catalog.tables.values();
        tables.any(|table| {
            table
                .indexes
                .iter()
                .any(|index| index.name.as_str() == relation)
        })
    };
    let measured: BTreeMap<String, LockMode> = row
        .locks
        .iter()
        .filter(|(relation, mode)| !index(relation) || **mode >= LockMode::ShareUpdateExclusive)
        // The relation behind a composite type is none of the catalog.
        .filter(|(relation, _)| *relation != "ct")
        .map(|(relation, mode)| (relation.clone(), *mode))
        .collect();
    let no_key = |names: &BTreeSet<String>| -> BTreeSet<String> {
        names
            .iter()
            .filter(|name| !name.ends_with("_pkey"))
            .cloned()
            .collect()
    };
    let made_anew = MADE_ANEW.contains(&row.id.as_str());
    let rewritten = said.rewrites.iter().filter(|name| counts(name)).map(name);
    let rewrites = no_key(
        &rewritten
            .filter(|name| !(made_anew && index(name)))
            .collect(),
    );
    let scans: BTreeSet<String> = said.scans.iter().map(|scan| name(&scan.relation)).collect();
    let measured_rewrites = no_key(&row.rewrites);
    let exact = locks == measured && rewrites == measured_rewrites && scans == row.scans;
    let mut found = Vec::new();
    let loose = AT_MOST.contains(&row.id.as_str());
    if said.unknown && !loose {
        found.push("effects do not know".to_owned());
    }
    if loose {
        let covers = measured
            .iter()
            .all(|(relation, mode)| locks.get(relation) >= Some(mode))
            && measured_rewrites.is_subset(&rewrites)
            && row.scans.is_subset(&scans);
        if exact && !said.unknown {
            found.push("it is exact: say so".to_owned());
        } else if !covers && !said.unknown {
            found.push(format!("measured more than {said:?}"));
        }
    } else if !exact {
        found.push(format!(
            "measured {measured:?} rewritten {measured_rewrites:?} scanned {:?}; \
             said {locks:?} rewritten {rewrites:?} scanned {scans:?}",
            row.scans
        ));
    }
    found
}

#[test]
fn effects_are_those_of_the_list_of_measured_locks() {
    assert_agreement(differences);
}

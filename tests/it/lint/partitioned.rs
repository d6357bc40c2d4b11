//! What rules say of partitioned tables, where it differs between servers, so that no page can
//! show it.

use zdm::{
    catalog::{Catalog, PgVersion, apply::apply},
    lint::{Settings, lint},
    parse::parse,
    source::SourceFile,
};

const VISITS: &str = "
    CREATE TABLE visits (day int, id int, note text) PARTITION BY RANGE (day);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (9);
    CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM (9) TO (19) PARTITION BY RANGE (day);
    CREATE TABLE visits_2_a PARTITION OF visits_2 FOR VALUES FROM (9) TO (19);";

/// What a rule says of a statement: message and help.
fn said(version: PgVersion, rule: &str, sql: &str) -> Vec<(String, String)> {
    let mut before = Catalog::empty(version);
    for statement in &parse(SourceFile::new("1.sql", VISITS)).statements {
        apply(&mut before, statement, VISITS);
    }
    let script = parse(SourceFile::new("2.sql", sql));
    let findings = lint(&script, &before, &Settings::default()).findings;
    let found = findings.into_iter().map(|finding| finding.diagnostic);
    found
        .filter(|diagnostic| diagnostic.rule == rule)
        .map(|diagnostic| (diagnostic.message, diagnostic.help.unwrap_or_default()))
        .collect()
}

#[test]
fn a_key_is_built_in_each_partition_while_the_whole_table_waits() {
    for (version, locks) in [
        (
            PgVersion::V15,
            "ACCESS EXCLUSIVE on visits and SHARE on visits_2, visits_1 and visits_2_a: reads and \
             writes of visits and writes of visits_2, visits_1 and visits_2_a",
        ),
        (
            PgVersion::V18,
            "ACCESS EXCLUSIVE on visits, visits_2, visits_1 and visits_2_a: reads and writes of \
             visits, visits_2, visits_1 and visits_2_a",
        ),
    ] {
        let sql = "ALTER TABLE visits ADD UNIQUE (day, id)";
        let found = said(version, "key-index-build", sql);
        assert_eq!(
            found,
            [(
                format!(
                    "Building the index of UNIQUE reads every row of visits_1 and visits_2_a, \
                     while it holds {locks} wait until that ends."
                ),
                "A partitioned table takes no USING INDEX. First give each partition its key: \
                 `CREATE UNIQUE INDEX CONCURRENTLY name ON partition (day, id)`, outside of a \
                 transaction, and `ALTER TABLE partition ADD CONSTRAINT name UNIQUE USING INDEX \
                 name`. Then this takes those over and builds nothing. `zdm plan` does this."
                    .to_owned()
            )]
        );
    }
}

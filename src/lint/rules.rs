//! The one list of rules. A rule is a page in `lints/`, a file beside this one, and a line here.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::{
    diagnostic::Level,
    lint::{
        page::{Group, Page},
        rule::Rule,
    },
};

/// Declares a module for each rule and lists its `RULE`.
macro_rules! rules {
    ($($module:ident,)*) => {
        $(mod $module;)*

        /// Every rule, by name.
        pub const ALL: &[Rule] = &[$($module::RULE,)*];
    };
}

rules! {
    add_column_not_null,
    add_column_rewrite,
    backfill_with_ddl,
    blocking_statement,
    bulk_insert,
    bulk_write,
    char_column,
    column_type_rebuild,
    column_type_rewrite,
    composite_change,
    concurrently_in_transaction,
    concurrently_under_timeout,
    constraint_enforced,
    constraint_scan,
    contract_of_unreleased_expand,
    domain_constraint_scan,
    drop_cascade,
    drop_column,
    drop_foreign_key,
    drop_index_not_concurrent,
    drop_index_of_constraint,
    drop_table,
    duplicate_id,
    duplicate_index,
    dynamic_sql,
    edited_migration,
    enum_value_used,
    folded_name,
    foreign_key_lock,
    foreign_key_without_index,
    index_if_not_exists,
    index_not_concurrent,
    inherit,
    int_key,
    json_column,
    key_index_build,
    live_trigger,
    lock_table,
    lock_timeout_without_effect,
    long_name,
    missing_comment,
    missing_primary_key,
    money_column,
    narrow_foreign_key,
    no_lock_timeout,
    not_in_transaction,
    out_of_order_migration,
    partition_lock,
    partition_scan,
    primary_key_nullable,
    probable_rename,
    publication_change,
    published_without_identity,
    refresh_materialized_view,
    refused_statement,
    reindex_not_concurrent,
    rename_column,
    rename_table,
    reserved_name,
    row_security,
    serial_column,
    set_expression_rewrite,
    set_not_null_scan,
    several_tables_locked,
    storage_rewrite,
    time_with_time_zone,
    timestamp_without_time_zone,
    transaction_control,
    trigger_disabled,
    triggers_fired,
    truncate,
    type_rename,
    unknown_statement,
    unqualified_name,
    validate_under_strong_lock,
    varchar_limit,
    work_under_lock,
}

/// The findings of the engine itself: they have no page and cannot be switched off one by one.
pub const ENGINE_FINDINGS: [&str; 1] = ["unused-suppression"];

/// What the front matter of a rule's page says, kept for all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What its findings count as.
    pub level: Level,
    /// Whether it speaks when nothing is set.
    pub on: bool,
    /// What it is about.
    pub group: Group,
}

/// The facts of the rule of that name.
pub fn facts(rule: &str) -> Facts {
    static ALL_FACTS: LazyLock<BTreeMap<&str, Facts>> = LazyLock::new(|| {
        let pages = ALL
            .iter()
            .filter_map(|rule| Some((rule.name, Page::read(rule.page).ok()?)));
        pages
            .map(|(name, page)| {
                let facts = Facts {
                    level: page.level,
                    on: page.on,
                    group: page.group,
                };
                (name, facts)
            })
            .collect()
    });
    ALL_FACTS.get(rule).copied().unwrap_or(Facts {
        level: Level::Error,
        on: true,
        group: Group::Practice,
    })
}

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.name == name)
}

/// The names of all rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|rule| rule.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_by_name_and_their_pages_can_be_read() {
        let listed: Vec<&str> = names().collect();
        assert!(listed.is_sorted(), "{listed:?}");
        for rule in ALL {
            let page = crate::lint::Page::read(rule.page)
                .unwrap_or_else(|why| panic!("lints/{}.md: {why}", rule.name));
            assert!(
                page.body.starts_with(&format!("# {}\n", rule.name)),
                "lints/{}.md is headed by its name",
                rule.name
            );
        }
    }
}

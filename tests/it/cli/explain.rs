//! `zdm explain`.

use super::run::{folder, zdm};

#[test]
fn every_rule_is_listed_and_has_a_page() {
    let here = folder(&[]);
    let list = zdm(here.path(), &["explain", "--list"]).quiet(0);
    assert_eq!(list, zdm(here.path(), &["explain"]).quiet(0));
    let rules: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(rules.contains(&"index-not-concurrent"), "{list}");
    for rule in rules {
        let page = zdm(here.path(), &["explain", rule]).quiet(0);
        assert!(page.starts_with(rule), "{page}");
        assert!(page.contains("What to do"), "{page}");
        assert!(!page.contains("```") && !page.contains("+++"), "{page}");
    }
}

#[test]
fn a_page_as_json() {
    let here = folder(&[]);
    let page = zdm(
        here.path(),
        &["explain", "constraint-scan", "--format", "json"],
    )
    .quiet(0);
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["version"], 1);
    assert_eq!(page["rules"][0]["rule"], "constraint-scan");
    assert_eq!(page["rules"][0]["level"], "error");
}

#[test]
fn a_rule_that_is_not_there_is_refused_with_the_nearest_name() {
    let here = folder(&[]);
    let said = zdm(here.path(), &["explain", "constraint-scann"]).refusal(2);
    insta::assert_snapshot!(said, @r"
    error: there is no rule `constraint-scann`
    Hint: Did you mean `zdm explain constraint-scan`?
    ");
    let said = zdm(here.path(), &["explain", "zzz"]).refusal(2);
    assert!(said.contains("zdm explain --list"), "{said}");
    let said = zdm(here.path(), &["explain", "zzz", "--format=json"]).quiet(2);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["error"]["code"], "no-such-rule");
}

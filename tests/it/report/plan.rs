//! A plan for people, and as a script.

use zdm::report::{plan_human, plan_markdown, plan_sql};

use super::sample;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_plan_reads_without_colour() {
    insta::assert_snapshot!(plain(&plan_human::plan(&sample::plan())));
}

#[test]
fn a_plan_as_a_script() {
    insta::assert_snapshot!(plan_sql::plan(&sample::plan()));
}

#[test]
fn a_plan_as_a_comment_on_a_pull_request() {
    insta::assert_snapshot!(plan_markdown::plan(&sample::plan()));
}

#[test]
fn a_plan_without_a_point_of_no_return_says_so() {
    let mut plan = sample::plan();
    for phase in &mut plan.phases {
        phase.steps.retain(|step| step.reversible);
    }
    plan.database = Some("app".into());
    let text = plain(&plan_human::plan(&plan));
    assert!(
        text.contains("Every step can be taken back with `zdm rollback 0002`."),
        "{text}"
    );
    assert!(text.contains("(PostgreSQL 18, database app)"), "{text}");
}

use spdx::Expression;

use super::{Policy, Verdict};
use crate::diagnostic::Source;

fn policy(text: &str) -> Policy {
    Policy::read(&Source::new("policy.toml", text)).unwrap_or_else(|error| panic!("{error}"))
}

fn judge(policy: &Policy, expression: &str) -> Verdict {
    policy.licenses.judge(&Expression::parse(expression).unwrap(), "busybox-static", "cc-debian13:debug")
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn of_alternatives_the_best_counts_and_of_all_together_the_worst() {
    let policy = policy(
        r#"[licenses]
        allow = ["MIT", "Apache-2.0", "LicenseRef-ours-*"]
        review = ["GPL-2.0-only"]
        deny = ["AGPL-*"]"#,
    );
    assert_eq!(judge(&policy, "MIT AND (AGPL-3.0-only OR LicenseRef-ours-1)"), Verdict::Allowed);
    assert_eq!(judge(&policy, "MIT AND GPL-2.0-only"), Verdict::Review(names(&["GPL-2.0-only"])));
    assert_eq!(judge(&policy, "MIT OR GPL-2.0-only"), Verdict::Allowed);
    assert_eq!(judge(&policy, "BSD-2-Clause AND Zlib"), Verdict::Unlisted(names(&["BSD-2-Clause", "Zlib"])));
    assert_eq!(judge(&policy, "AGPL-3.0-only OR Zlib"), Verdict::Unlisted(names(&["Zlib"])));
    assert_eq!(judge(&policy, "MIT AND AGPL-1.0-only"), Verdict::Denied(names(&["AGPL-1.0-only"])));
}

#[test]
fn an_exception_permits_more_and_is_another_license_elsewhere() {
    let allowed = policy("[licenses]\nallow = [\"GPL-3.0-or-later\"]");
    assert_eq!(judge(&allowed, "GPL-3.0-or-later WITH GCC-exception-3.1"), Verdict::Allowed);
    assert_eq!(judge(&allowed, "GPL-3.0-only"), Verdict::Unlisted(names(&["GPL-3.0-only"])));
    let denied = policy("[licenses]\ndeny = [\"GPL-3.0-or-later\"]");
    assert_eq!(judge(&denied, "GPL-3.0-or-later WITH GCC-exception-3.1"), Verdict::Allowed);
    assert_eq!(judge(&denied, "GPL-3.0-or-later"), Verdict::Denied(names(&["GPL-3.0-or-later"])));
}

#[test]
fn a_licence_may_be_allowed_in_some_places_only() {
    let policy = policy(
        r#"[licenses]
        deny = ["GPL-2.0-only"]
        [[licenses.exception]]
        allow = ["GPL-2.0-only"]
        packages = ["busybox-*"]
        images = ["*:debug*"]
        reason = "its source is published""#,
    );
    let expression = Expression::parse("GPL-2.0-only").unwrap();
    let judged = |package, image| policy.licenses.judge(&expression, package, image);
    assert_eq!(judged("busybox-static", "cc-debian13:debug"), Verdict::Allowed);
    assert_ne!(judged("busybox-static", "cc-debian13:latest"), Verdict::Allowed);
    assert_ne!(judged("bash", "cc-debian13:debug"), Verdict::Allowed);
}

#[test]
fn the_default_policy_is_that_of_an_empty_file() {
    let policy = Policy::by_default();
    assert_eq!(judge(&policy, "AGPL-3.0-only"), Verdict::Allowed);
    assert!(policy.shell[0].admits("cc:debug-nonroot") && policy.nonroot[0].admits("cc:debug-nonroot"));
    assert_eq!((policy.required.len(), policy.max_age_days), (8, None));
}

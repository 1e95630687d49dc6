//! What came of structure tests: as a table with what failed below it, as JSON, as JUnit XML.

use std::fmt::Write as _;
use std::time::Duration;

use distro::structure::{Finding, Outcome, Verdict};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::table::table;

/// An image of one architecture, and what came of its tests.
pub struct Tested {
    pub image: String,
    pub architecture: String,
    pub verdicts: Vec<Verdict>,
    pub took: Duration,
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Tally {
    pub fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut tally = Self::default();
        for verdict in verdicts {
            match verdict.outcome {
                Outcome::Passed => tally.passed += 1,
                Outcome::Failed(_) => tally.failed += 1,
                Outcome::Skipped(_) => tally.skipped += 1,
            }
        }
        tally
    }
}

pub fn text(tested: &[Tested]) -> String {
    let rows = tested.iter().map(|tested| {
        let tally = Tally::of(&tested.verdicts);
        let numbers = [tally.passed, tally.failed, tally.skipped].map(|number| number.to_string());
        let [passed, failed, skipped] = numbers;
        let took = format!("{:.1}", tested.took.as_secs_f64());
        [tested.image.clone(), tested.architecture.clone(), passed, failed, skipped, took]
    });
    let head = ["IMAGE", "ARCH", "PASSED", "FAILED", "SKIPPED", "SECONDS"];
    let mut text = table(head, &[2, 3, 4, 5], rows);
    for tested in tested {
        for verdict in &tested.verdicts {
            if let Outcome::Failed(findings) = &verdict.outcome {
                let Tested { image, architecture, .. } = tested;
                let _ = write!(
                    text,
                    "\n{image} ({architecture}): {} ({})\n{}",
                    verdict.name,
                    verdict.source,
                    told(findings)
                );
            }
        }
    }
    text
}

/// Two lines for each finding, and more where it has more.
fn told(findings: &[Finding]) -> String {
    let indented = |text: &str| text.replace('\n', "\n            ");
    let told = findings.iter().map(|Finding { expected, actual }| {
        format!("  expected: {}\n    actual: {}\n", indented(expected), indented(actual))
    });
    told.collect()
}

pub fn json(tested: &[Tested]) -> Value {
    let rows = tested.iter().map(|Tested { image, architecture, verdicts, took }| {
        let Tally { passed, failed, skipped } = Tally::of(verdicts);
        json!({
            "image": image,
            "architecture": architecture,
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
            "seconds": took.as_secs_f64(),
            "tests": (verdicts.iter().map(test).collect::<Vec<_>>()),
        })
    });
    rows.collect()
}

fn test(verdict: &Verdict) -> Value {
    let mut test = json!({
        "file": verdict.source,
        "name": verdict.name,
        "seconds": verdict.took.as_secs_f64(),
    });
    match &verdict.outcome {
        Outcome::Passed => test["outcome"] = "passed".into(),
        Outcome::Failed(findings) => {
            test["outcome"] = "failed".into();
            test["findings"] = json!(findings);
        }
        Outcome::Skipped(why) => {
            test["outcome"] = "skipped".into();
            test["reason"] = why.as_str().into();
        }
    }
    test
}

/// A suite for each image and architecture.
pub fn junit(tested: &[Tested], took: Duration) -> Result<String, SerializeError> {
    let mut report = Report::new("distro test");
    report.set_time(took);
    for Tested { image, architecture, verdicts, took } in tested {
        let mut suite = TestSuite::new(format!("{image} ({architecture})"));
        suite.set_time(*took);
        for Verdict { source, name, outcome, took } in verdicts {
            let status = match outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Failed(findings) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(findings.first().map_or("", |finding| finding.expected.as_str()));
                    status.set_description(told(findings));
                    status
                }
                Outcome::Skipped(why) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(why.as_str());
                    status
                }
            };
            let mut case = TestCase::new(name.as_str(), status);
            case.set_classname(source.as_str()).set_time(*took);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

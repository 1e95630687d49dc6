//! How old a lock is, and until when what it pins is supported.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::audit::finding::{Finding, Rule, Severity};
use crate::audit::inventory::Inventory;
use crate::audit::policy::{EndOfLife, Policy, Supported};
use crate::audit::subject::Subject;

pub(super) fn lock(subject: &Subject, policy: &Policy, today: Date) -> Vec<Finding> {
    let stale = subject.stale.as_ref().map(|differs| {
        let finding =
            Finding::new(Rule::StaleImage, &*subject.name, format!("was not built from the lock: {differs}"));
        finding.help("`distro build` builds it anew")
    });
    stale.into_iter().chain(age(subject, policy, today)).collect()
}

fn age(subject: &Subject, policy: &Policy, today: Date) -> Option<Finding> {
    let allowed = policy.max_age_days?;
    let lock = match subject.lock.as_ref()? {
        Ok(lock) => lock,
        Err(why) => return Some(Finding::unknown(Rule::LockAge, &*subject.name, &**why)),
    };
    let newest = lock.newest.to_zoned(TimeZone::UTC).date();
    let age = days(newest, today);
    let message = format!(
        "is {age} days old: its newest InRelease file is of {newest}, and {allowed} days are allowed"
    );
    let finding = Finding::new(Rule::LockAge, &*lock.file, message).seen_in(&lock.file, "suite: date");
    (age > i64::from(allowed)).then(|| finding.help("`distro lock` renews it"))
}

pub(super) fn end_of_life(
    subject: &Subject,
    inventory: &Inventory,
    policy: &Policy,
    today: Date,
) -> Vec<Finding> {
    let system =
        format!("{} {}", inventory.system.name, inventory.system.version.as_deref().unwrap_or_default());
    let mut findings = Vec::new();
    let of_systems = policy.end_of_life.iter().filter_map(|entry| match &entry.of {
        Supported::System(name) => Some((name, entry)),
        Supported::Packages(_) => None,
    });
    let of_systems: Vec<_> = of_systems.collect();
    match of_systems.iter().find(|(name, _)| **name == system) {
        Some((_, entry)) => {
            findings.extend(
                ended(entry, &system, today).map(|it| it.seen_in(&subject.sbom_file, &inventory.system.id)),
            );
        }
        None if of_systems.is_empty() => {}
        None => {
            let message = "has no end of life in the policy";
            let finding =
                Finding::unknown(Rule::EndOfLife, &*system, message).seen_in(&policy.path, "end-of-life");
            findings.push(finding.help(format!("add `[[end-of-life]]` with `system = \"{system}\"`")));
        }
    }
    for entry in &policy.end_of_life {
        let Supported::Packages(patterns) = &entry.of else { continue };
        let named = inventory
            .distributed()
            .filter(|found| patterns.iter().any(|pattern| pattern.admits(&found.name)));
        findings.extend(named.filter_map(|found| {
            Some(ended(entry, &found.name, today)?.seen_in(&subject.sbom_file, &found.id))
        }));
    }
    findings
}

fn ended(entry: &EndOfLife, subject: &str, today: Date) -> Option<Finding> {
    let (left, date, source) = (days(today, entry.date), entry.date, &entry.source);
    let message = match left {
        ..0 => format!("has not been supported since {date} ({source})"),
        left if left <= i64::from(entry.notice_days) => {
            format!("is supported until {date}, in {left} days ({source})")
        }
        _ => return None,
    };
    let severity = if left < 0 { Severity::Error } else { Severity::Warning };
    Some(Finding { severity, ..Finding::new(Rule::EndOfLife, subject, message) })
}

fn days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

//! An audit for the body of a pull request.

use std::fmt::Write as _;

use super::{Report, Section, Told};

/// Rows of a table before it is folded.
const OPEN: usize = 20;
/// Rows of a table at most: a forge cuts off what is too long.
const SHOWN: usize = 100;

pub fn text(report: &Report) -> String {
    let verdict = if report.clean { "clean" } else { "findings" };
    let mut text = format!("## Audit: {verdict}\n\n");
    let images = crate::report::count(report.images.len(), "image");
    let policy = code(&report.policy);
    let tracker = report.tracker.as_ref();
    let tracker = tracker
        .map(|told| format!(" and the vulnerabilities of {} ({})", code(&told.place), told.date))
        .unwrap_or_default();
    let _ = writeln!(text, "{images} by {policy}{tracker} on {}: {}.", report.date, report.counted());
    for Section { rule, severity, findings } in report.sections() {
        let _ = writeln!(text, "\n### {severity}: {rule}\n\n{}.\n", sentence(rule.title()));
        table(&mut text, findings);
    }
    let waived: Vec<_> = report.waived().collect();
    if !waived.is_empty() {
        text +=
            "\n### waived\n\n| Rule | Subject | Reason | Owner | Until |\n| --- | --- | --- | --- | --- |\n";
        for finding in waived {
            if let Some(waiver) = &finding.waived {
                let cells = [&waiver.reason, &waiver.owner, &waiver.expires].map(|cell| escaped(cell));
                let subject = code(&finding.subject);
                let _ = writeln!(text, "| {} | {subject} | {} |", finding.rule, cells.join(" | "));
            }
        }
    }
    text
}

fn table(text: &mut String, findings: &[Told]) {
    let is_folded = findings.len() > OPEN;
    if is_folded {
        let _ = writeln!(text, "<details><summary>{} findings</summary>\n", findings.len());
    }
    *text += "| Subject | Finding | Images | Evidence |\n| --- | --- | --- | --- |\n";
    for finding in findings.iter().take(SHOWN) {
        let evidence = finding.evidence.as_ref();
        let evidence =
            evidence.map_or_else(String::new, |it| format!("{} {}", code(&it.file), escaped(&it.place)));
        let (subject, message) = (code(&finding.subject), escaped(&finding.message));
        let _ = writeln!(text, "| {subject} | {message} | {} | {evidence} |", escaped(&finding.told_images));
    }
    if let Some(more @ 1..) = findings.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "\nand {more} more");
    }
    if is_folded {
        *text += "\n</details>\n";
    }
}

fn sentence(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text in a cell of a table, none of which is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '@' => escaped.extend(['\\', letter]),
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '&' => escaped += "&amp;",
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A text as code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace(['`', '\n', '\r'], " ").replace('|', "\\|");
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::{code, escaped};

    #[test]
    fn nothing_in_a_cell_is_markup() {
        assert_eq!(escaped("<b>|a_b\n@me"), "&lt;b&gt;\\|a\\_b \\@me");
        assert_eq!(code("/a|`b"), "`/a\\| b`");
    }
}

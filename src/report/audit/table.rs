//! An audit for a terminal, by rule.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use distro::audit::Severity;

use super::{Report, Told};

/// Columns that a line takes at most, but for words that are longer.
const WIDTH: usize = 110;

pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for section in report.sections() {
        let (style, severity) = (style(section.severity), section.severity);
        let _ = writeln!(text, "{style}{severity}{style:#}[{}]: {}", section.rule, section.rule.title());
        section.findings.iter().for_each(|finding| text += &told(finding));
        text.push('\n');
    }
    let waived: Vec<_> = report.waived().collect();
    if !waived.is_empty() {
        text += "waived\n";
        for finding in waived {
            text += &told(finding);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    if text.is_empty() { text } else { text + "\n" }
}

fn told(finding: &Told) -> String {
    let unknown = if finding.unknown { " (unknown)" } else { "" };
    let mut text = filled("  ", &format!("{} {}{unknown}", finding.subject, finding.message));
    let below = "      ";
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            text += &filled(below, &format!("{label} {value}"));
        }
    };
    line("in", &finding.told_images);
    if let Some(evidence) = &finding.evidence {
        line("see", &format!("{}: {}", evidence.file, evidence.place));
    }
    if let Some(waived) = &finding.waived {
        let waived = format!("{} ({}, until {})", waived.reason, waived.owner, waived.expires);
        line(&format!("{} waived:", finding.rule), &waived);
    } else if let Some(help) = &finding.help {
        line("hint:", help);
    }
    text
}

fn style(severity: Severity) -> Style {
    let color = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Note => AnsiColor::Cyan,
    };
    color.on_default().bold()
}

/// Words in lines that begin with an indent, those after the first with two more columns of it.
fn filled(indent: &str, words: &str) -> String {
    let mut text = String::new();
    let mut line = indent.to_owned();
    for word in words.split_whitespace() {
        let is_empty = line.trim().is_empty();
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += &line;
            text.push('\n');
            line = format!("{indent}  ");
        } else if !is_empty {
            line.push(' ');
        }
        line += word;
    }
    text + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, filled};

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = filled("  ", &"word ".repeat(50));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(text.lines().nth(1).map(|line| line.find('w')), Some(Some(4)));
        assert_eq!(filled("  ", &"x".repeat(200)).lines().count(), 1);
    }
}

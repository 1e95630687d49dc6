//! An audit as a page that needs nothing besides itself: no script, no other file.

use distro::audit::Severity;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::{ImageRow, Report, Told};

#[derive(Serialize)]
struct Page<'a> {
    report: &'a Report,
    sections: Vec<Section<'a>>,
    lines: Vec<Line<'a>>,
    /// Rules with findings of images, and how grave these are.
    columns: Vec<(&'static str, Severity)>,
    holding: Vec<(&'static str, &'static str)>,
    waived: Vec<Row<'a>>,
    version: &'static str,
}

#[derive(Serialize)]
struct Section<'a> {
    rule: &'static str,
    title: &'static str,
    severity: Severity,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    finding: &'a Told,
    told_images: &'a str,
}

/// An image, and how often each rule with findings does not hold in it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    image: &'a ImageRow,
    counts: Vec<usize>,
}

pub fn page(report: &Report) -> Result<String, minijinja::Error> {
    let row = |finding| {
        let finding: &Told = finding;
        Row { finding, told_images: &finding.told_images }
    };
    let sections = report.sections().map(|section| Section {
        rule: section.rule.id(),
        title: section.rule.title(),
        severity: section.severity,
        findings: section.findings.iter().map(row).collect(),
    });
    let of_images: Vec<_> = report.sections().filter(is_of_images).collect();
    let lines: Vec<_> = report
        .images
        .iter()
        .map(|image| {
            let reference = format!("{}-{}", image.image, image.architecture);
            let count = |section: &super::Section<'_>| {
                section.findings.iter().filter(|finding| finding.images.contains(&reference)).count()
            };
            Line { image, counts: of_images.iter().map(count).collect() }
        })
        .collect();
    let columns: Vec<_> = of_images.iter().map(|section| (section.rule.id(), section.severity)).collect();
    let holding = report.holding.iter().map(|rule| (rule.id(), rule.title())).collect();

    let mut environment = Environment::new();
    // The name ends in `.html`: all values are escaped.
    environment.add_template("audit.html", include_str!("audit.html"))?;
    environment.get_template("audit.html")?.render(Serde(&Page {
        report,
        sections: sections.collect(),
        lines,
        columns,
        holding,
        waived: report.waived().map(row).collect(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

fn is_of_images(section: &super::Section<'_>) -> bool {
    section.findings.iter().any(|finding| !finding.images.is_empty())
}

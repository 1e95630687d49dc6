//! The grammar: `name[:arch] [(op version)] [[arch …]] [<profile …> …]`, alternatives between `|`.

use super::{Alternative, Comparison, Constraint, Qualifier, RelationFault, Restrictions};

pub(super) fn relation(text: &str) -> Result<Vec<Alternative>, RelationFault> {
    if text.contains(',') {
        return Err(RelationFault::NotOne);
    }
    text.split('|').map(alternative).collect()
}

fn alternative(text: &str) -> Result<Alternative, RelationFault> {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || "([<".contains(c)).unwrap_or(text.len());
    let (full_name, mut rest) = text.split_at(end);
    if full_name.is_empty() {
        return Err(RelationFault::NoName);
    }
    let (name, qualifier) = match full_name.split_once(':') {
        None => (full_name, None),
        Some((name, "any")) => (name, Some(Qualifier::Any)),
        Some((name, "native")) => (name, Some(Qualifier::Native)),
        Some((name, architecture)) => (name, Some(Qualifier::Named(architecture.parse()?))),
    };
    let constraint = bracketed(&mut rest, '(', ')')?.map(constraint).transpose()?;
    let mut restrictions = Restrictions::default();
    if let Some(list) = bracketed(&mut rest, '[', ']')? {
        restrictions.push_architectures(list)?;
    }
    while let Some(list) = bracketed(&mut rest, '<', '>')? {
        restrictions.push_profiles(list)?;
    }
    match rest.trim() {
        "" => Ok(Alternative { name: name.parse()?, qualifier, constraint, restrictions }),
        more => Err(RelationFault::Unexpected(more.chars().take(40).collect())),
    }
}

/// What stands between brackets at the beginning of the text, which is shortened by it.
fn bracketed<'a>(text: &mut &'a str, open: char, close: char) -> Result<Option<&'a str>, RelationFault> {
    let Some(inner) = text.trim_start().strip_prefix(open) else {
        return Ok(None);
    };
    let (inner, rest) = inner.split_once(close).ok_or(RelationFault::Unclosed(open))?;
    *text = rest;
    Ok(Some(inner.trim()))
}

fn constraint(text: &str) -> Result<Constraint, RelationFault> {
    let end = text.find(|c| !"<>=".contains(c)).unwrap_or(text.len());
    let (operator, version) = text.split_at(end);
    let comparison = match operator {
        "<<" => Comparison::Earlier,
        "<=" | "<" => Comparison::EarlierOrEqual,
        "=" => Comparison::Equal,
        ">=" | ">" => Comparison::LaterOrEqual,
        ">>" => Comparison::Later,
        other => return Err(RelationFault::Comparison(other.chars().take(40).collect())),
    };
    Ok(Constraint { comparison, version: version.trim().parse()? })
}

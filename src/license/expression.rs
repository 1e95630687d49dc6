//! SPDX license expressions: [SPDX 2.3 annex D](https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use spdx::expression::{ExprNode, Operator};

/// An SPDX license expression that is valid, by the identifiers that SPDX has not deprecated.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Expression(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no SPDX licence expression: {why}")]
pub struct InvalidExpression {
    text: String,
    why: String,
}

impl Expression {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What has to be kept to where all of these hold: sorted, each once, choices in parentheses.
    ///
    /// `None` for no expression at all.
    pub fn all<'a>(expressions: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        Self::joined(Operator::And, expressions)
    }

    /// What has to be kept to where one of these may be chosen.
    ///
    /// `None` for no expression at all.
    pub fn any<'a>(expressions: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        Self::joined(Operator::Or, expressions)
    }

    fn joined<'a>(operator: Operator, expressions: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let terms: Vec<_> = expressions.into_iter().filter_map(|expression| term(&expression.0)).collect();
        (!terms.is_empty()).then(|| Self(Term::joined(operator, terms).text))
    }

    /// The licenses that it names, each with its exception: `GPL-2.0-only WITH Classpath-exception-2.0`.
    pub fn licenses(&self) -> impl Iterator<Item = spdx::LicenseReq> {
        let parsed = spdx::Expression::parse(&self.0).expect("it was parsed before");
        parsed.requirements().map(|required| required.req.clone()).collect::<Vec<_>>().into_iter()
    }

    /// The licenses that SPDX does not list: `LicenseRef-…`.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.licenses()
            .filter(|required| required.license.id().is_none())
            .map(|required| required.license.to_string())
    }
}

/// Part of an expression, in the one form that parts of its meaning have.
#[derive(Debug, Clone)]
struct Term {
    text: String,
    /// What it is made of, where it is not one license.
    parts: Option<(Operator, BTreeMap<String, Term>)>,
}

impl Term {
    fn joined(operator: Operator, terms: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = BTreeMap::new();
        for term in terms {
            match term.parts {
                Some((of, more)) if of == operator => parts.extend(more),
                _ => drop(parts.insert(term.text.clone(), term)),
            }
        }
        if parts.len() == 1 {
            return parts.pop_first().expect("there is one").1;
        }
        let word = match operator {
            Operator::And => " AND ",
            Operator::Or => " OR ",
        };
        let parenthesised = |term: &Self| match term.parts {
            Some(_) => format!("({})", term.text),
            None => term.text.clone(),
        };
        let text = parts.values().map(parenthesised).collect::<Vec<_>>().join(word);
        Self { text, parts: Some((operator, parts)) }
    }
}

/// Reads an expression; `None` where it is none.
fn term(text: &str) -> Option<Term> {
    let parsed = spdx::Expression::parse(text).ok()?;
    let mut stack: Vec<Term> = Vec::new();
    for node in parsed.iter() {
        let term = match node {
            ExprNode::Req(required) => Term { text: required.req.to_string(), parts: None },
            ExprNode::Op(operator) => {
                let (second, first) = (stack.pop()?, stack.pop()?);
                Term::joined(*operator, [first, second])
            }
        };
        stack.push(term);
    }
    stack.pop()
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        let invalid = |why: String| InvalidExpression { text: text.to_owned(), why };
        // SPDX has both where an expression may stand, but they say nothing.
        if ["NOASSERTION", "NONE"].contains(&text.trim()) {
            return Err(invalid("it names no licence".to_owned()));
        }
        spdx::Expression::parse(text).map_err(|error| invalid(error.reason.to_string()))?;
        term(text).map(|term| Self(term.text)).ok_or_else(|| invalid("it is empty".to_owned()))
    }
}

impl TryFrom<String> for Expression {
    type Error = InvalidExpression;

    fn try_from(text: String) -> Result<Self, InvalidExpression> {
        text.parse()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expression(text: &str) -> Expression {
        text.parse().unwrap()
    }

    #[test]
    fn what_holds_together_is_sorted_and_said_once() {
        let parts =
            ["Apache-2.0", "GPL-1.0-or-later OR Artistic-1.0-Perl", "MIT AND Apache-2.0", "Apache-2.0"];
        let all = Expression::all(&parts.map(expression)).unwrap();
        assert_eq!(all.as_str(), "Apache-2.0 AND (Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT");
        assert_eq!(Expression::all([]), None);
    }

    #[test]
    fn an_exception_stays_with_its_license() {
        let text = "GPL-3.0-or-later WITH GCC-exception-3.1 AND GPL-2.0-only WITH Classpath-exception-2.0";
        let sorted = "GPL-2.0-only WITH Classpath-exception-2.0 AND GPL-3.0-or-later WITH GCC-exception-3.1";
        assert_eq!(expression(text).as_str(), sorted);
    }

    #[test]
    fn references_are_the_licenses_that_spdx_does_not_list() {
        let references: Vec<_> = expression("LicenseRef-scancode-other OR MIT").references().collect();
        assert_eq!(references, ["LicenseRef-scancode-other"]);
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (text, why) in [
            ("", "`` is no SPDX licence expression: empty expression"),
            ("NOASSERTION", "`NOASSERTION` is no SPDX licence expression: it names no licence"),
            ("mit", "`mit` is no SPDX licence expression: unknown term"),
            ("GPL-2.0", "`GPL-2.0` is no SPDX licence expression: a deprecated license identifier was used"),
        ] {
            assert_eq!(text.parse::<Expression>().unwrap_err().to_string(), why);
        }
    }

    proptest! {
        #[test]
        fn the_form_of_an_expression_is_its_own_form(
            text in "(MIT|\\(MIT OR ISC\\)|Zlib)( (AND|OR) (MIT|\\(X11 AND (ISC|MIT)\\)|Apache-2\\.0)){0,5}"
        ) {
            let once = expression(&text);
            prop_assert_eq!(expression(once.as_str()), once.clone());
            prop_assert_eq!(Expression::all([&once, &once]), Some(once));
        }
    }
}

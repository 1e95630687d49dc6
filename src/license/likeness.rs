//! Whether a text is that of a license.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use spdx::detection::TextData;

use super::Expression;

/// How much of two texts has to be the same, in pairs of words, once the copyright notices are left out. Names of
/// holders in a disclaimer may differ; JSON's "shall be used for Good, not Evil" makes of MIT another license.
const ALIKE: f32 = 0.98;

/// A grant that only refers to the license is shorter than any license: so many words.
const LONGEST_GRANT: usize = 300;

/// The texts of SPDX's licenses, prepared to be compared.
#[derive(Default)]
pub(super) struct Standards(Mutex<BTreeMap<&'static str, Arc<TextData>>>);

impl Standards {
    /// Whether a text says what an expression stands for: it grants this license and refers to where Debian keeps its
    /// text, or it is the license's own text.
    pub fn are_said_by(&self, expression: &Expression, text: &str) -> bool {
        if text.contains("/usr/share/common-licenses/") {
            return is_grant_of(expression, text);
        }
        let mut licenses = expression.licenses();
        match (licenses.next(), licenses.next()) {
            (Some(required), None) if required.addition.is_none() => match required.license.id() {
                Some(id) => TextData::new(text).match_score(&self.prepared(id)) >= ALIKE,
                None => false,
            },
            _ => false,
        }
    }

    fn prepared(&self, id: spdx::LicenseId) -> Arc<TextData> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(id.name).or_insert_with(|| Arc::new(TextData::new(id.text()))).clone()
    }
}

/// What a grant says has to fit the license: exceptions, and whether later versions may be chosen.
fn is_grant_of(expression: &Expression, text: &str) -> bool {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    let text = words.join(" ");
    let said = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    let later = said(&["any later version", "or later", "any newer version", "or newer"]);
    let excepts = said(&["exception", "special permission", "additional permission"]);
    let fits = |required: spdx::LicenseReq| {
        let name = required.license.to_string();
        let versions = match () {
            () if name.ends_with("-or-later") => {
                later || name == "GPL-1.0-or-later" || name == "LGPL-2.0-or-later"
            }
            () if name.ends_with("-only") => !later,
            () => true,
        };
        versions && required.addition.is_some() == excepts
    };
    words.len() <= LONGEST_GRANT && expression.licenses().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expression: &str, text: &str) -> bool {
        Standards::default().are_said_by(&expression.parse().unwrap(), text)
    }

    #[test]
    fn a_license_s_own_text_is_known_whoever_holds_the_copyright() {
        let mit = spdx::license_id("MIT").unwrap().text();
        let text = mit.replace("<year> <copyright holders>", "2001, 2003 Keith Packard");
        assert!(said("MIT", &text));
        assert!(!said("ISC", &text));
        assert!(!said("MIT AND ISC", &text));
        assert!(!said("MIT", spdx::license_id("JSON").unwrap().text()));
    }

    #[test]
    fn a_grant_has_to_fit_the_license_that_it_refers_to() {
        let later = "under the terms of the GNU General Public License, version 2 or\n (at your option) any later\n \
                     version. On Debian systems, see /usr/share/common-licenses/GPL-2.";
        let only = "under the terms of the GNU General Public License, version 2. See \
                    /usr/share/common-licenses/GPL-2.";
        assert!(said("GPL-2.0-or-later", later) && said("GPL-2.0-only", only));
        assert!(!said("GPL-2.0-only", later) && !said("GPL-2.0-or-later", only));
        let excepting = format!("{later} As a special exception, you may link it.");
        assert!(!said("GPL-2.0-or-later", &excepting));
        assert!(said("GPL-2.0-or-later WITH Libtool-exception", &excepting));
        assert!(!said("GPL-2.0-or-later", &format!("{later}{}", " more".repeat(300))));
    }
}

//! How a server fails.

use globset::{GlobBuilder, GlobMatcher};

use super::{Request, Response};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A page with this status: 404, 503, …
    Status(u16),
    /// 429, with the seconds to wait.
    TooManyRequests { retry_after: u32 },
    /// 200 and a page of HTML, as captive portals and broken proxies have it.
    HtmlPage,
    /// 302 to another URL.
    Redirect(String),
    /// The request is read and never answered.
    Hang,
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The connection ends after so many bytes of what the client sends.
    CutUpload(u64),
    /// What the client sends comes with every byte wrong.
    WrongUpload,
    /// The request is heeded, and the connection ends without a word.
    Silence,
    /// As many bytes as there should be, every one of them wrong.
    WrongBytes,
    /// 401, unless the header `Authorization` is this.
    Unauthorized(&'static str),
}

/// What becomes of a request.
pub enum Outcome {
    Answer(Response),
    Cut(Response, usize),
    Silence,
    Hang,
}

#[derive(Default)]
pub struct Faults {
    rules: Vec<Rule>,
}

struct Rule {
    glob: GlobMatcher,
    fault: Fault,
    left: Option<usize>,
}

impl Faults {
    pub fn add(&mut self, glob: &str, fault: Fault, times: Option<usize>) {
        let glob = GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher();
        self.rules.push(Rule { glob, fault, left: times });
    }

    /// The fault that a request meets, which is then used up by one.
    pub fn strike(&mut self, request: &Request) -> Option<Fault> {
        let with_method = format!("{} {}", request.method, request.path);
        let fits = |rule: &&mut Rule| {
            rule.left != Some(0) && (rule.glob.is_match(&request.path) || rule.glob.is_match(&with_method))
        };
        let rule = self.rules.iter_mut().rev().find(fits)?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.fault.clone())
    }
}

impl Fault {
    pub fn apply(self, request: &Request, honest: Response) -> Outcome {
        Outcome::Answer(match self {
            Self::Unauthorized(login) if request.header("authorization") == Some(login) => honest,
            Self::Unauthorized(_) => Response::page(401, "who are you?"),
            Self::Status(status) => Response::page(status, "fault"),
            Self::TooManyRequests { retry_after } => {
                Response::page(429, "slow down").header("Retry-After", &retry_after.to_string())
            }
            Self::HtmlPage => Response::page(200, "please log in"),
            Self::Redirect(to) => Response::page(302, "elsewhere").header("Location", &to),
            Self::WrongBytes => {
                let body = honest.body.iter().map(|byte| !byte).collect();
                Response { body, ..honest }
            }
            Self::WrongUpload => honest,
            Self::Cut(after) => return Outcome::Cut(honest, after),
            Self::CutUpload(_) | Self::Silence => return Outcome::Silence,
            Self::Hang => return Outcome::Hang,
        })
    }
}

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap};

use super::{HttpErrorKind, HttpOptions};

/// How often something may still be tried, and after what pause.
pub(in crate::effects) struct Attempts {
    retries: u32,
    left: u32,
    pause: Duration,
    longest: Duration,
    /// Whether a name was not resolved before.
    unresolved: bool,
}

impl Attempts {
    pub fn new(options: &HttpOptions) -> Self {
        let HttpOptions { retries, pause, longest_pause, .. } = *options;
        Self { retries, left: retries, pause, longest: longest_pause, unresolved: false }
    }

    /// Pauses before the next try, as long as the server asks for, or twice as long as the last time;
    /// gives the failure back where there is no next try.
    pub fn pause_after(
        &mut self,
        failure: HttpErrorKind,
        retry_after: Option<Duration>,
    ) -> Result<(), HttpErrorKind> {
        if self.left == 0 || !failure.is_passing() {
            return Err(failure);
        }
        if let HttpErrorKind::Resolve(_) = failure {
            // A resolver asks several servers, each several times: once more is for a network that just came up.
            if std::mem::replace(&mut self.unresolved, true) {
                return Err(failure);
            }
            self.left -= 1;
            std::thread::sleep(self.pause.min(self.longest));
            return Ok(());
        }
        let doubled = self.pause.saturating_mul(1 << (self.retries - self.left).min(16));
        self.left -= 1;
        std::thread::sleep(retry_after.unwrap_or(doubled).min(self.longest));
        Ok(())
    }

    /// A try that got somewhere makes up for those before it.
    pub fn restore(&mut self) {
        self.left = self.retries;
    }
}

/// How long a server asks to be left alone, by seconds or by [date].
///
/// [date]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_resolve_is_looked_up_once_more() {
        let pause = Duration::from_millis(1);
        let options = HttpOptions { retries: 9, pause, longest_pause: pause, ..HttpOptions::default() };
        let mut attempts = Attempts::new(&options);
        let unresolved = || HttpErrorKind::Resolve("there is no such name".into());
        let broken = || HttpErrorKind::Broken("cut".into());
        assert!(attempts.pause_after(unresolved(), None).is_ok());
        assert!(attempts.pause_after(unresolved(), None).is_err());
        assert!(attempts.pause_after(broken(), None).is_ok(), "other failures count by themselves");
    }

    #[test]
    fn a_server_asks_for_a_pause_in_seconds_or_until_a_date() {
        let now = "1994-11-06T08:49:30Z".parse().unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}

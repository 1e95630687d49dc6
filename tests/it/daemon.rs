//! Servers that others wrote, on the loopback.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// How long one may take to start; Python and Node take seconds, and more where the machine has other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server that is asked to listen on port 0, and says which one it was given: no other test can have that.
pub struct Daemon {
    process: Child,
    pub address: SocketAddr,
}

impl Daemon {
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let log = NamedTempFile::new().unwrap();
        let both = log.as_file();
        command.stdin(Stdio::null()).stdout(both.try_clone().unwrap()).stderr(both.try_clone().unwrap());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let began = Instant::now();
        loop {
            let ended = process.try_wait().unwrap();
            let said = fs::read_to_string(&log).unwrap();
            if let Some(address) = address(&said) {
                return Self { process, address };
            }
            if ended.is_some() || began.elapsed() > PATIENCE {
                process.kill().unwrap();
                panic!("{command:?} does not listen: {ended:?}\n{said}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where a server says that it listens, in a whole line.
fn address(said: &str) -> Option<SocketAddr> {
    let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let words =
        lines.flat_map(|line| line.split(|letter: char| letter.is_whitespace() || "\"/".contains(letter)));
    words.filter_map(|word| word.parse().ok()).find(|address: &SocketAddr| address.port() != 0)
}

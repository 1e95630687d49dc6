//! Programs that keep images of their own, and take them from an archive: docker, podman, nerdctl.

#![expect(clippy::disallowed_methods, reason = "this is where these programs are run")]

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::export::ExportError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Docker,
    Podman,
    Nerdctl,
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("none of docker, podman and nerdctl is installed")]
    None,
    #[error("`{engine}` cannot be run")]
    NotRun { engine: Engine, source: io::Error },
    #[error("`{engine} load` did not take the image: {why}")]
    Refused { engine: Engine, why: String },
    #[error(transparent)]
    Export(#[from] ExportError),
}

impl Engine {
    /// The one to be taken first in front.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Nerdctl];

    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Nerdctl => "nerdctl",
        }
    }

    /// The first one that is installed.
    pub fn installed() -> Result<Self, EngineError> {
        let is_there = |engine: &Self| {
            let mut command = Command::new(engine.program());
            command.arg("--version").stdin(Stdio::null()).output().is_ok()
        };
        Self::ALL.into_iter().find(is_there).ok_or(EngineError::None)
    }

    /// Loads the images of an archive that `write` writes. Returns the names that they have there.
    pub fn load(
        self,
        write: impl FnOnce(&mut ChildStdin) -> Result<(), ExportError>,
    ) -> Result<Vec<String>, EngineError> {
        let not_run = |source| EngineError::NotRun { engine: self, source };
        let mut command = Command::new(self.program());
        command.arg("load").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().map_err(not_run)?);
        let (stdin, stdout, stderr) = (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take());
        std::thread::scope(|threads| {
            let (stdout, stderr) = (threads.spawn(|| text(stdout)), threads.spawn(|| text(stderr)));
            let written = stdin.map_or(Ok(()), |mut stdin| {
                let written = write(&mut stdin);
                if written.as_ref().is_err_and(|error| !is_broken_pipe(error)) {
                    // Before its input ends: half an image would look like a whole one that is damaged.
                    let _ = child.0.kill();
                }
                written
            });
            let status = child.0.wait().map_err(not_run)?;
            let said = |thread: std::thread::ScopedJoinHandle<'_, String>| thread.join().unwrap_or_default();
            let (stdout, stderr) = (said(stdout), said(stderr));
            match written {
                // What broke the pipe is told by whoever held its other end.
                Err(error) if !is_broken_pipe(&error) => Err(error.into()),
                Ok(()) if status.success() => Ok(names(&stdout)),
                _ => {
                    let why = [stderr.trim(), stdout.trim()].into_iter().find(|said| !said.is_empty());
                    let why = why.map_or_else(|| status.to_string(), str::to_owned);
                    Err(EngineError::Refused { engine: self, why })
                }
            }
        })
    }
}

/// A process that does not outlive its run.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_broken_pipe(error: &ExportError) -> bool {
    matches!(error, ExportError::Write(cause) if cause.kind() == ErrorKind::BrokenPipe)
}

fn text(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What could be read before a failure is as good as there is.
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What was loaded, as all of them say it: `Loaded image: cc-debian13:debug`, or `Loaded image(s): …`.
fn names(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.starts_with("Loaded image"));
    let lists = lines.filter_map(|line| line.split_once(": "));
    lists.flat_map(|(_, names)| names.split(',')).map(|name| name.trim().to_owned()).collect()
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_are_what_the_programs_say_that_they_loaded() {
        assert_eq!(names("abc: Loading layer\nLoaded image: cc-debian13:debug\n"), ["cc-debian13:debug"]);
        assert_eq!(
            names("Loaded image(s): localhost/a:1,localhost/b:2\n"),
            ["localhost/a:1", "localhost/b:2"]
        );
        assert_eq!(names("Loaded image ID: sha256:12\n"), ["sha256:12"]);
    }
}

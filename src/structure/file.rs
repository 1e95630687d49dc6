//! The YAML of a structure test: [version 2.0.0] of the format, and 1.0.0, which the files of the public distroless
//! collection are written in and whose commands are one list.
//!
//! Patterns are those of the [`regex`] crate, which are Go's but for few: `\d`, `\w` and `\s` know all of Unicode, and a
//! brace that stands for itself is written `\{`. As there, `.` matches no line break, `^` and `$` are the ends of the
//! whole text unless `(?m)` says otherwise, and a match may be anywhere.
//!
//! [version 2.0.0]: https://github.com/GoogleContainerTools/container-structure-test#command-tests

use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::{DefaultMessageFormatter, Error, MessageFormatter as _, Spanned};

use super::{
    BindMount, CommandTest, ExecutableBy, Expectations, FileContentTest, FileExistenceTest, LicenseTest,
    MetadataTest, RunOptions, TestFile, Value,
};
use crate::diagnostic::{Diagnostic, Location, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// What files of all versions have.
#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "schemaVersion")]
    schema_version: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "a mapping")]
struct StructureFile {
    #[serde(rename = "schemaVersion")]
    _schema_version: IgnoredAny,
    #[serde(default)]
    global_env_vars: Vec<EnvVar>,
    #[serde(default)]
    command_tests: Vec<CommandTable>,
    #[serde(default)]
    file_existence_tests: Vec<FileExistenceTable>,
    #[serde(default)]
    file_content_tests: Vec<FileContentTable>,
    metadata_test: Option<MetadataTable>,
    #[serde(default)]
    license_tests: Vec<LicenseTable>,
    #[serde(default)]
    container_run_options: RunOptionsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnvVar {
    key: Spanned<String>,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pair {
    key: Spanned<String>,
    value: Spanned<String>,
    #[serde(default)]
    is_regex: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Unbound {
    key: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CommandTable {
    name: Spanned<String>,
    #[serde(default)]
    setup: Vec<Spanned<Vec<String>>>,
    /// Accepted, and never run: the container is thrown away, as by the Docker driver.
    #[serde(default)]
    teardown: Vec<Spanned<Vec<String>>>,
    #[serde(default)]
    env_vars: Vec<EnvVar>,
    #[serde(default)]
    exit_code: i32,
    command: Spanned<Words>,
    args: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    expected_output: Vec<Spanned<String>>,
    #[serde(default)]
    excluded_output: Vec<Spanned<String>>,
    #[serde(default)]
    expected_error: Vec<Spanned<String>>,
    #[serde(default)]
    excluded_error: Vec<Spanned<String>>,
}

/// A command is a text in version 2, a list in version 1.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, the program to run")]
enum Words {
    Program(String),
    List(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FileExistenceTable {
    name: Spanned<String>,
    path: Spanned<String>,
    #[serde(default = "yes")]
    should_exist: bool,
    permissions: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    is_executable_by: Option<ExecutableBy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct FileContentTable {
    name: Spanned<String>,
    path: Spanned<String>,
    #[serde(default)]
    expected_contents: Vec<Spanned<String>>,
    #[serde(default)]
    excluded_contents: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MetadataTable {
    /// What `envVars` was called before.
    #[serde(default)]
    env: Vec<Pair>,
    #[serde(default)]
    env_vars: Vec<Pair>,
    #[serde(default)]
    unbound_env_vars: Vec<Unbound>,
    #[serde(default)]
    labels: Vec<Pair>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    #[serde(default)]
    exposed_ports: Vec<String>,
    #[serde(default)]
    unexposed_ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    unmounted_volumes: Vec<String>,
    workdir: Option<String>,
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LicenseTable {
    debian: bool,
    #[serde(default)]
    files: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RunOptionsTable {
    user: Option<String>,
    privileged: Option<Spanned<bool>>,
    allocate_tty: Option<Spanned<bool>>,
    env_file: Option<Spanned<String>>,
    env_vars: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    bind_mounts: Vec<Spanned<String>>,
}

fn yes() -> bool {
    true
}

/// Reads a file of structure tests.
///
/// # Errors
/// Where it is no YAML, of another version, has a key or a value that the format does not have, or a pattern that is
/// none.
pub fn parse(source: &Arc<Source>) -> Result<TestFile, Diagnostic> {
    let Versioned { schema_version } = read(source)?;
    let version = version(source, schema_version)?;
    let file: StructureFile = read(source)?;
    let reader = Reader { source, version };
    Ok(TestFile {
        path: source.path.clone(),
        environment: reader.environment(file.global_env_vars)?,
        options: reader.options(file.container_run_options)?,
        commands: all(file.command_tests, |table| reader.command(table))?,
        existence: all(file.file_existence_tests, |table| reader.existence(table))?,
        contents: all(file.file_content_tests, |table| reader.content(table))?,
        licenses: file
            .license_tests
            .into_iter()
            .map(|LicenseTable { debian, files }| LicenseTest { debian, files })
            .collect(),
        metadata: file.metadata_test.map(|table| reader.metadata(table)).transpose()?,
    })
}

fn version(source: &Arc<Source>, written: Option<Spanned<String>>) -> Result<Version, Diagnostic> {
    let hint = "a file of structure tests begins with `schemaVersion: 2.0.0`";
    let Some(written) = written else {
        return Err(Location::start(source).error("the key `schemaVersion` is missing", "").help(hint));
    };
    match written.value.as_str() {
        "2.0.0" => Ok(Version::Two),
        "1.0.0" => Ok(Version::One),
        other => {
            let at = at(source, written.defined);
            let title = format!("structure tests of the version `{other}` cannot be read");
            Err(at.error(title, "versions 2.0.0 and 1.0.0 can").help(hint))
        }
    }
}

fn read<T: DeserializeOwned>(source: &Arc<Source>) -> Result<T, Diagnostic> {
    serde_saphyr::from_str(&source.text).map_err(|error| {
        let at = error.location().map_or_else(|| Location::start(source), |location| at(source, location));
        match error.without_snippet() {
            Error::SerdeUnknownField { field, expected, .. } => {
                at.unknown("key", field, expected.iter().copied())
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                at.unknown("value", variant, expected.iter().copied())
            }
            Error::SerdeMissingField { field, .. } => {
                at.error(format!("the key `{field}` is missing"), "is missing here")
            }
            error => {
                let message = DefaultMessageFormatter.format_message(error).replace(char::is_control, " ");
                at.error(reworded(&message).unwrap_or(&message), "")
            }
        }
    })
}

/// What the parser says of its events and of Rust's types, for people who write YAML.
fn reworded(message: &str) -> Option<&'static str> {
    match message {
        "expected sequence start" => Some("a list is expected"),
        "expected mapping start" => Some("a mapping is expected"),
        "expected string scalar" => Some("a text is expected"),
        "invalid i32" | "invalid u32" => Some("a whole number is expected"),
        _ => None,
    }
}

/// The place of a value; its first character, where no more is known.
fn at(source: &Arc<Source>, location: serde_saphyr::Location) -> Location {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let span = location.span();
    let start = span.byte_offset().map_or_else(|| offset(&source.text, location), number);
    Location::at(source, start..start.saturating_add(span.byte_len().map_or(0, number)))
}

/// The place of a line and a column, counted from 1, in bytes.
fn offset(text: &str, location: serde_saphyr::Location) -> usize {
    let before = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let (line, column) = (before(location.line()), before(location.column()));
    let lines = text.split_inclusive('\n');
    let start: usize = lines.clone().take(line).map(str::len).sum();
    let line = lines.clone().nth(line).unwrap_or_default();
    start + line.char_indices().nth(column).map_or(line.len(), |(place, _)| place)
}

fn all<T, U>(tables: Vec<T>, read: impl Fn(T) -> Result<U, Diagnostic>) -> Result<Vec<U>, Diagnostic> {
    tables.into_iter().map(read).collect()
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    version: Version,
}

impl Reader<'_> {
    fn at<T>(&self, value: &Spanned<T>) -> Location {
        at(self.source, value.defined)
    }

    fn filled(&self, what: &str, text: Spanned<String>) -> Result<String, Diagnostic> {
        match text.value.is_empty() {
            true => Err(self.at(&text).error(format!("the {what} is empty"), "")),
            false => Ok(text.value),
        }
    }

    fn environment(&self, variables: Vec<EnvVar>) -> Result<Vec<(String, String)>, Diagnostic> {
        all(variables, |EnvVar { key, value }| {
            match key.value.contains(['=', '\0']) || value.contains('\0') {
                true => Err(self.at(&key).error("this is no name of an environment variable", "")),
                false => Ok((self.filled("name of the variable", key)?, value)),
            }
        })
    }

    fn command(&self, table: CommandTable) -> Result<CommandTest, Diagnostic> {
        for words in table.setup.iter().chain(&table.teardown) {
            if words.value.is_empty() {
                return Err(self.at(words).error("the command is empty", ""));
            }
        }
        let place = self.at(&table.command);
        let mut command = match (table.command.value, self.version) {
            (Words::Program(program), Version::Two) => vec![program],
            (Words::List(words), Version::One) => words,
            (Words::Program(_), Version::One) => {
                let title = "in version 1.0.0 a command is a list";
                return Err(place.error(title, "").help("write it as `[\"program\", \"argument\"]`"));
            }
            (Words::List(_), Version::Two) => {
                let title = "in version 2.0.0 a command is a text";
                return Err(place.error(title, "").help("write the arguments as a list under `args`"));
            }
        };
        match (table.args, self.version) {
            (Some(args), Version::One) => {
                return Err(self.at(&args).error("`args` is a key of version 2.0.0", ""));
            }
            (args, _) => command.extend(args.into_iter().flat_map(|args| args.value)),
        }
        if command.first().is_none_or(String::is_empty) {
            return Err(place.error("the command is empty", ""));
        }
        Ok(CommandTest {
            name: self.filled("name of the test", table.name)?,
            setup: table.setup.into_iter().map(|words| words.value).collect(),
            environment: self.environment(table.env_vars)?,
            command,
            exit_code: table.exit_code,
            stdout: self.expectations(table.expected_output, table.excluded_output)?,
            stderr: self.expectations(table.expected_error, table.excluded_error)?,
        })
    }

    fn existence(&self, table: FileExistenceTable) -> Result<FileExistenceTest, Diagnostic> {
        Ok(FileExistenceTest {
            name: self.filled("name of the test", table.name)?,
            path: self.filled("path", table.path)?,
            should_exist: table.should_exist,
            permissions: table.permissions.filter(|text| !text.is_empty()),
            uid: table.uid,
            gid: table.gid,
            executable_by: table.is_executable_by,
        })
    }

    fn content(&self, table: FileContentTable) -> Result<FileContentTest, Diagnostic> {
        Ok(FileContentTest {
            name: self.filled("name of the test", table.name)?,
            path: self.filled("path", table.path)?,
            contents: self.expectations(table.expected_contents, table.excluded_contents)?,
        })
    }

    fn metadata(&self, table: MetadataTable) -> Result<MetadataTest, Diagnostic> {
        let pairs = |pairs: Vec<Pair>| all(pairs, |pair| self.pair(pair));
        let environment = pairs(table.env.into_iter().chain(table.env_vars).collect())?;
        let unbound = all(table.unbound_env_vars, |unbound| self.filled("key", unbound.key))?;
        Ok(MetadataTest {
            environment: environment.into_iter().collect(),
            unbound: unbound.into_iter().collect(),
            labels: pairs(table.labels)?.into_iter().collect(),
            entrypoint: table.entrypoint,
            command: table.cmd,
            exposed_ports: table.exposed_ports.into_iter().collect(),
            unexposed_ports: table.unexposed_ports.into_iter().collect(),
            volumes: table.volumes.into_iter().collect(),
            unmounted_volumes: table.unmounted_volumes.into_iter().collect(),
            working_directory: table.workdir.filter(|text| !text.is_empty()),
            user: table.user.filter(|text| !text.is_empty()),
        })
    }

    fn pair(&self, Pair { key, value, is_regex }: Pair) -> Result<(String, Value), Diagnostic> {
        let value = match is_regex {
            true => Value::Matching(self.pattern(&value)?),
            false => Value::Exactly(value.value),
        };
        Ok((self.filled("key", key)?, value))
    }

    fn options(&self, table: RunOptionsTable) -> Result<RunOptions, Diagnostic> {
        let refused = |at: Location, key: &str, hint: &str| {
            Err(at.error(format!("`{key}` is not supported"), "").help(hint))
        };
        if let Some(privileged) = table.privileged.filter(|privileged| privileged.value) {
            let hint = "name what the test needs under `capabilities`";
            return refused(self.at(&privileged), "privileged", hint);
        }
        if let Some(tty) = table.allocate_tty.filter(|tty| tty.value) {
            return refused(self.at(&tty), "allocateTty", "tests run without a terminal");
        }
        let hint = "say it under `globalEnvVars`: a test does not depend on who runs it";
        if let Some(file) = table.env_file {
            return refused(self.at(&file), "envFile", hint);
        }
        if let Some(names) = table.env_vars.filter(|names| !names.value.is_empty()) {
            return refused(self.at(&names), "envVars", hint);
        }
        Ok(RunOptions {
            user: table.user.filter(|user| !user.is_empty()),
            capabilities: table.capabilities,
            bind_mounts: all(table.bind_mounts, |mount| self.bind_mount(&mount))?,
        })
    }

    fn bind_mount(&self, mount: &Spanned<String>) -> Result<BindMount, Diagnostic> {
        let mut parts = mount.value.split(':');
        let (source, destination, option) = (parts.next(), parts.next(), parts.next());
        match (source, destination, option, parts.next()) {
            (Some(source), Some(destination), None | Some("ro" | "rw"), None)
                if source.starts_with('/') && destination.starts_with('/') =>
            {
                let (source, destination) = (source.to_owned(), destination.to_owned());
                Ok(BindMount { source, destination, read_only: option == Some("ro") })
            }
            _ => {
                let title = "this is no bind mount";
                Err(self.at(mount).error(title, "expected two absolute paths, as in `/host/path:/path:ro`"))
            }
        }
    }

    fn expectations(
        &self,
        expected: Vec<Spanned<String>>,
        excluded: Vec<Spanned<String>>,
    ) -> Result<Expectations, Diagnostic> {
        let patterns = |texts| all(texts, |text| self.pattern(&text));
        Ok(Expectations { expected: patterns(expected)?, excluded: patterns(excluded)? })
    }

    fn pattern(&self, text: &Spanned<String>) -> Result<Regex, Diagnostic> {
        Regex::new(&text.value).map_err(|error| {
            let message = error.to_string();
            let why = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            self.at(text).error("this is no regular expression", why)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"schemaVersion: 2.0.0
globalEnvVars: [{key: A, value: b}]
commandTests:
- {name: n, setup: [[a]], teardown: [[b]], envVars: [{key: A, value: 1}], command: c, args: [d], exitCode: 1,
   expectedOutput: [a], excludedOutput: [b], expectedError: [c], excludedError: [d]}
fileExistenceTests: [{name: n, path: /p, shouldExist: true, permissions: -rw-r--r--, uid: 0, gid: 0, isExecutableBy: any}]
fileContentTests: [{name: n, path: /p, expectedContents: [a], excludedContents: [b]}]
metadataTest:
  env: [{key: A, value: ".", isRegex: true}]
  envVars: [{key: B, value: c}]
  unboundEnvVars: [{key: C}]
  labels: [{key: l, value: v}]
  entrypoint: []
  cmd: [a]
  exposedPorts: [8080]
  unexposedPorts: ["22"]
  volumes: [/v]
  unmountedVolumes: [/w]
  workdir: /
  user: root
licenseTests: [{debian: true, files: [/l]}]
containerRunOptions: {user: root, privileged: false, allocateTty: false, capabilities: [NET_ADMIN], bindMounts: ["/a:/b:ro"]}
"#;

    #[test]
    fn every_key_of_the_format_is_read() {
        let file = parse(&Source::new("tests.yaml", WHOLE)).unwrap();
        let metadata = file.metadata.unwrap();
        assert_eq!(metadata.entrypoint, Some(Vec::new()));
        assert_eq!(metadata.exposed_ports.first().map(String::as_str), Some("8080"));
        let values: Vec<_> = metadata.environment.values().map(ToString::to_string).collect();
        assert_eq!(values, ["a match of `.`", "`c`"]);
        assert_eq!(file.commands[0].command, ["c", "d"]);
        assert_eq!(file.options.bind_mounts[0].destination, "/b");
        assert_eq!((file.existence.len(), file.contents.len(), file.licenses.len()), (1, 1, 1));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&Source::new("tests.yaml", text)).map_err(|diagnostic| diagnostic.to_string());
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..WHOLE.len(), more in ".{0,8}", less in 0..20_usize) {
            let text = format!("{}{more}{}", &WHOLE[..at], &WHOLE[(at + less).min(WHOLE.len())..]);
            let _ = parse(&Source::new("tests.yaml", text)).map_err(|diagnostic| diagnostic.to_string());
        }
    }
}

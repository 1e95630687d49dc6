//! Keys to sign with: in files, in the environment, or behind a program that nothing leaves but signatures.

#![expect(clippy::disallowed_methods, reason = "this is where keys are read and their helpers run")]

use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use zeroize::Zeroizing;

use super::files::{self, FileError};
use crate::attest::base64;
use crate::attest::key::{KeyError, PrivateKey, PublicKey, Signer, SigningError};

/// The variable that has the password of a key, as for cosign.
const PASSWORD: &str = "COSIGN_PASSWORD";

/// Bytes that a helper may write: a signature is shorter.
const SIGNATURE_LIMIT: u64 = 4096;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the environment has no variable `{0}`")]
    NoVariable(String),
    #[error("the key `{name}` cannot be used")]
    Key { name: String, source: KeyError },
}

/// Reads a private key: a file, or `env://VARIABLE`.
pub fn private_key(name: &str) -> Result<PrivateKey, KeyFileError> {
    let text = Zeroizing::new(read(name)?);
    let password = env::var_os(PASSWORD).map(|password| Zeroizing::new(OsString::into_vec(password)));
    let password = password.as_ref().map(|password| password.as_slice());
    PrivateKey::parse(&text, password).map_err(|source| KeyFileError::Key { name: name.to_owned(), source })
}

/// Reads a public key: a file, or `env://VARIABLE`.
pub fn public_key(name: &str) -> Result<PublicKey, KeyFileError> {
    PublicKey::parse(&read(name)?).map_err(|source| KeyFileError::Key { name: name.to_owned(), source })
}

fn read(name: &str) -> Result<Vec<u8>, KeyFileError> {
    let Some(variable) = name.strip_prefix("env://") else { return Ok(files::read(Path::new(name))?) };
    let value = env::var_os(variable).ok_or_else(|| KeyFileError::NoVariable(variable.to_owned()))?;
    Ok(value.into_vec())
}

/// A command of the shell that signs what it reads. Its signatures are verified before they are used.
#[derive(Debug)]
pub struct KeyHelper {
    pub command: String,
    pub public_key: PublicKey,
}

#[derive(Debug, thiserror::Error)]
enum HelperError {
    #[error("could not run the key helper `{command}`: {cause}")]
    Run { command: String, cause: io::Error },
    #[error("the key helper `{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
    #[error(
        "what the key helper `{command}` wrote is no signature of what it read by the public key; \
         for a key of P-256 it has to sign the SHA-256 of its input"
    )]
    NoSignature { command: String },
}

impl KeyHelper {
    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, HelperError> {
        let failed = |cause| HelperError::Run { command: self.command.clone(), cause };
        let mut command = Command::new("sh");
        command.args(["-c", &self.command]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut written = Vec::new();
        let done = thread::scope(|threads| {
            let giving = threads.spawn(move || match input.map(|mut input| input.write_all(message)) {
                // It may know enough before it has read all.
                Some(Err(error)) if error.kind() != ErrorKind::BrokenPipe => Err(error),
                _ => Ok(()),
            });
            let read =
                output.map(|output| output.take(SIGNATURE_LIMIT).read_to_end(&mut written)).transpose();
            let given = giving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            given.and(read.map(drop))
        });
        let status = child.wait().map_err(failed)?;
        if !status.success() {
            return Err(HelperError::Failed { command: self.command.clone(), status });
        }
        done.map_err(failed)?;
        Ok(written)
    }
}

impl Signer for KeyHelper {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let written = self.ask(message).map_err(|error| SigningError(error.into()))?;
        let decoded = || {
            let text = std::str::from_utf8(&written).ok()?;
            base64::decode(&text.split_ascii_whitespace().collect::<String>())
        };
        let accept = |signature: &[u8]| self.public_key.accept(message, signature);
        let signature = accept(&written).or_else(|| accept(&decoded()?));
        let none = || HelperError::NoSignature { command: self.command.clone() };
        signature.ok_or_else(|| SigningError(none().into()))
    }
}

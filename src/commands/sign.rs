//! `distro sign`: the images of a layout, signed.

use std::path::Path;

use distro::attest::key::{KeyError, Signer};
use distro::catalog::{Catalog, Selection};
use distro::effects::keys::{KeyFileError, KeyHelper, private_key, public_key};
use distro::effects::layout::{LayoutDirectory, LayoutError, LayoutReader};
use distro::effects::signing::{Forms, SignedImage, Signing};

use super::{Workspace, select_some};
use crate::cli::{SignArgs, SignatureForm, SigningArgs};
use crate::report::failure::Advice;
use crate::report::progress::Bars;
use crate::report::signed;

pub fn run(workspace: &Workspace, args: &SignArgs) -> anyhow::Result<()> {
    let catalog = workspace.catalog()?;
    let asked = Asked { images: &args.images, release: args.release.as_deref(), out: &args.out };
    let signed = sign(&catalog, asked, &args.signing, args.destination.as_deref())?;
    signed::report(args.format, &signed)
}

/// Which images of which layout.
pub struct Asked<'a> {
    /// All where none is named.
    pub images: &'a [String],
    pub release: Option<&'a str>,
    pub out: &'a Path,
}

/// Signs images of a layout that are, or will be, published at a destination.
pub fn sign(
    catalog: &Catalog,
    asked: Asked<'_>,
    args: &SigningArgs,
    destination: Option<&str>,
) -> anyhow::Result<Vec<SignedImage>> {
    let names = asked.names(catalog)?;
    let signer = signer(args)?;
    let forms = match args.form {
        SignatureForm::Bundle => Forms { bundles: true, tags: false },
        SignatureForm::Classic => Forms { bundles: false, tags: true },
        SignatureForm::Both => Forms { bundles: true, tags: true },
    };
    let bars = Bars::new();
    let progress = bars.count("Signing", names.len());
    let signing = Signing { signer: &*signer, forms, destination, progress: &progress };
    let signed = signing.sign(LayoutDirectory::open(asked.out)?, names)?;
    progress.finish();
    Ok(signed)
}

impl Asked<'_> {
    /// The names that the layout has of the images that are asked for: indexes, each with its manifests.
    fn names(&self, catalog: &Catalog) -> anyhow::Result<Vec<String>> {
        let layout = LayoutReader::open(self.out)?;
        let held = |images: &[String]| {
            let selection = Selection { images, release: self.release, architectures: &[] };
            let mut names = Vec::new();
            for (image, architectures) in select_some(catalog, &selection)? {
                let of_platforms = architectures.iter().map(|on| image.name.on(on));
                names.extend([image.name.to_string()].into_iter().chain(of_platforms));
            }
            names.retain(|name| layout.has(name));
            anyhow::Ok(names)
        };
        if self.images.is_empty() {
            let names = held(&[])?;
            let nothing = || {
                let error = anyhow::anyhow!("`{}` has no image of the catalog", self.out.display());
                Advice::new(error, "`distro build` builds them").into()
            };
            return if names.is_empty() { Err(nothing()) } else { Ok(names) };
        }
        let mut names = Vec::new();
        for asked in self.images {
            let found = held(std::slice::from_ref(asked))?;
            if found.is_empty() {
                let error = LayoutError::NoImage { root: self.out.to_owned(), name: asked.clone() };
                return Err(Advice::new(error, format!("`distro build {asked}` builds it")).into());
            }
            names.extend(found);
        }
        Ok(names)
    }
}

fn signer(args: &SigningArgs) -> anyhow::Result<Box<dyn Signer>> {
    match args {
        SigningArgs { key: Some(key), .. } => Ok(Box::new(private_key(key).map_err(advise)?)),
        SigningArgs { key_helper: Some(command), public_key: Some(key), .. } => {
            let public_key = public_key(key).map_err(advise)?;
            Ok(Box::new(KeyHelper { command: command.clone(), public_key }))
        }
        _ => anyhow::bail!("no key is named"),
    }
}

/// What to do about a key that cannot be used.
pub fn advise(error: KeyFileError) -> anyhow::Error {
    let hint = match &error {
        KeyFileError::Key { source: KeyError::NoPassword, .. } => {
            "put the password into the environment as COSIGN_PASSWORD"
        }
        KeyFileError::Key { source: KeyError::WrongPassword, .. } => "COSIGN_PASSWORD has another one",
        KeyFileError::Key { source: KeyError::Kind { found, .. }, .. } => match found.as_str() {
            "PRIVATE KEY" => "`openssl pkey -in KEY -pubout` writes the public key of a private one",
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                "`cosign public-key --key KEY` writes the public key of a private one"
            }
            "EC PRIVATE KEY" => "`openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW` writes it as PKCS #8",
            "ENCRYPTED PRIVATE KEY" => {
                "`cosign import-key-pair --key KEY` encrypts it in cosign's way, which this program reads"
            }
            _ => "`distro sign --help` tells how to make a key",
        },
        KeyFileError::Key { .. } => "`distro sign --help` tells how to make a key",
        KeyFileError::File(_) | KeyFileError::NoVariable(_) => return error.into(),
    };
    Advice::new(error, hint).into()
}

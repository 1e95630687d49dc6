//! The stanzas of a Packages index, in its order.

use std::io::Read;

use anyhow::Result;
use debian_packaging::control::ControlParagraphAsyncReader;
use debian_packaging::io::{Compression, read_decompressed};
use futures::executor::block_on;
use futures::io::{BufReader, Cursor};

use crate::Line;

/// What is compared of a stanza. Values are as they are written.
const FIELDS: [&str; 13] = [
    "Package",
    "Version",
    "Architecture",
    "Filename",
    "Size",
    "SHA256",
    "Installed-Size",
    "Depends",
    "Pre-Depends",
    "Provides",
    "Conflicts",
    "Breaks",
    "Replaces",
];

pub fn each_line(mut file: impl Read, mut each: impl FnMut(Line) -> Result<()>) -> Result<()> {
    let mut packed = Vec::new();
    file.read_to_end(&mut packed)?;
    block_on(async {
        let text = read_decompressed(Box::pin(Cursor::new(packed)), Compression::Xz).await?;
        let mut stanzas = ControlParagraphAsyncReader::new(BufReader::with_capacity(1 << 16, text));
        while let Some(stanza) = stanzas.read_paragraph().await? {
            let of = |field| Some((field, stanza.field_str(field)?.to_owned()));
            each(FIELDS.into_iter().filter_map(of).collect())?;
        }
        Ok(())
    })
}

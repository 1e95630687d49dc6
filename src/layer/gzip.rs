//! Gzip in members of fixed size, [RFC 1952 §2.2]: any reader takes them for one file, and they can
//! be compressed side by side without the bytes depending on how many threads there are.
//!
//! [RFC 1952 §2.2]: https://www.rfc-editor.org/rfc/rfc1952#page-5

use std::borrow::Cow;
use std::io::{self, Write};

use libdeflater::{CompressionLvl, Compressor};
use rayon::prelude::*;

use crate::digest::{Hashing, Sha256};

/// Bytes of content in each member but the last. Part of the recipe.
pub(super) const MEMBER_SIZE: usize = 4 << 20;

/// The level of libdeflate. Part of the recipe.
pub(super) const LEVEL: i32 = 6;

/// Members for each thread in one batch: enough that threads seldom wait for the slowest.
const MEMBERS_PER_THREAD: usize = 2;

/// The content that went in.
pub(super) struct Content {
    pub digest: Sha256,
    pub size: u64,
}

/// Writes content that comes in pieces. While one batch of members is compressed, the one before
/// it is written, and the next is put together and hashed.
pub(super) fn write<'a>(
    pieces: impl Iterator<Item = Cow<'a, [u8]>> + Send,
    mut sink: impl Write + Send,
) -> io::Result<Content> {
    let batch_size = rayon::current_num_threads() * MEMBERS_PER_THREAD;
    let mut blocks = Blocks::new(pieces);
    let mut batch = blocks.batch(batch_size);
    let mut members: Vec<Vec<u8>> = Vec::new();
    while !batch.is_empty() {
        let (compressed, next) = rayon::join(
            || batch.par_iter().map(|block| member(block)).collect::<io::Result<Vec<_>>>(),
            || {
                members.iter().try_for_each(|member| sink.write_all(member))?;
                io::Result::Ok(blocks.batch(batch_size))
            },
        );
        (members, batch) = (compressed?, next?);
    }
    members.iter().try_for_each(|member| sink.write_all(member))?;
    let (_, digest, size) = blocks.hashing.finish();
    Ok(Content { digest, size })
}

/// One member. Its header has no name and no time, and 255 (unknown) for the operating system.
fn member(block: &[u8]) -> io::Result<Vec<u8>> {
    let level = CompressionLvl::new(LEVEL).map_err(|_| io::Error::other("no such compression level"))?;
    let mut compressor = Compressor::new(level);
    let mut member = vec![0; compressor.gzip_compress_bound(block.len())];
    let len = compressor.gzip_compress(block, &mut member).map_err(io::Error::other)?;
    member.truncate(len);
    Ok(member)
}

/// Pieces of any size, put together to blocks of [`MEMBER_SIZE`], the last one shorter.
struct Blocks<'a, I> {
    pieces: I,
    /// What of a piece did not fit the last block.
    rest: Cow<'a, [u8]>,
    /// How much of `rest` is used up.
    used: usize,
    hashing: Hashing<io::Sink>,
}

impl<'a, I: Iterator<Item = Cow<'a, [u8]>>> Blocks<'a, I> {
    fn new(pieces: I) -> Self {
        Self { pieces, rest: Cow::Borrowed(&[]), used: 0, hashing: Hashing::new(io::sink()) }
    }

    /// The next blocks, up to so many; none at the end.
    fn batch(&mut self, len: usize) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.block()).take(len).collect()
    }

    fn block(&mut self) -> Option<Vec<u8>> {
        let mut block = Vec::with_capacity(MEMBER_SIZE);
        while block.len() < MEMBER_SIZE {
            if self.used == self.rest.len() {
                let Some(piece) = self.pieces.next() else { break };
                (self.rest, self.used) = (piece, 0);
            }
            let end = self.rest.len().min(self.used + MEMBER_SIZE - block.len());
            block.extend_from_slice(&self.rest[self.used..end]);
            self.used = end;
        }
        self.hashing.write_all(&block).ok()?;
        (!block.is_empty()).then_some(block)
    }
}

//! The compressions that Debian's archives use, told by the end of a file's name, undone into one
//! buffer of bounded size.

use std::io::{self, Read};

use bytes::Bytes;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

/// Compressed bytes from which an xz stream is worth more than one thread: below, it is one block.
const PARALLEL_FROM: usize = 4 << 20;

/// Memory that a decoder may use on one thread, in bytes: `xz -9` takes 65 MiB.
const MEMORY_LIMIT: u64 = 128 << 20;

/// Memory beyond which the decoder falls back to fewer threads, in bytes.
const PARALLEL_MEMORY_LIMIT: u64 = 1 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("it unpacks to more than the {limit} bytes allowed")]
    TooLarge { limit: u64 },
    #[error("it cannot be unpacked: the {compression} data is damaged, cut short or needs too much memory")]
    Damaged { compression: &'static str, source: io::Error },
}

impl Compression {
    /// By what follows the last dot of a file name that is known without it: `` (nothing), `.gz`,
    /// `.xz` or `.zst`.
    #[must_use]
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// That of an index, by its path: `main/source/Sources.xz`.
    #[must_use]
    pub fn of_index(path: &str) -> Self {
        let suffix = path.rfind('.').map_or("", |dot| &path[dot..]);
        Self::from_suffix(suffix).unwrap_or(Self::None)
    }

    /// The content, of at most `limit` bytes. Large xz streams are unpacked on as many threads as
    /// the current rayon pool has.
    ///
    /// # Errors
    /// Where the data is damaged or ends early, or there is more than `limit` of it: sizes that the
    /// data claims for itself are not believed, memory grows with what really comes out.
    pub fn unpack(self, packed: &Bytes, limit: u64) -> Result<Bytes, UnpackError> {
        match self {
            Self::None if packed.len() as u64 > limit => Err(UnpackError::TooLarge { limit }),
            Self::None => Ok(packed.clone()),
            Self::Gzip => self.read(flate2::bufread::MultiGzDecoder::new(packed.as_ref()), packed, limit),
            Self::Xz => self.read(XzStreams::new(packed), packed, limit),
            Self::Zstd => {
                let decoder = zstd::Decoder::with_buffer(packed.as_ref());
                self.read(decoder.map_err(|source| self.damaged(source))?, packed, limit)
            }
        }
    }

    fn read(self, decoder: impl Read, packed: &Bytes, limit: u64) -> Result<Bytes, UnpackError> {
        let expected = (packed.len() as u64).saturating_mul(4).min(limit);
        let mut content = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        decoder
            .take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|source| self.damaged(source))?;
        if content.len() as u64 > limit {
            return Err(UnpackError::TooLarge { limit });
        }
        Ok(content.into())
    }

    fn damaged(self, source: io::Error) -> UnpackError {
        let compression = match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        };
        UnpackError::Damaged { compression, source }
    }
}

/// One xz stream after the other: liblzma's parallel decoder stops after the first.
struct XzStreams<'a> {
    rest: &'a [u8],
    current: Option<XzDecoder<&'a [u8]>>,
}

impl<'a> XzStreams<'a> {
    fn new(packed: &'a [u8]) -> Self {
        Self { rest: packed, current: None }
    }

    fn open(packed: &'a [u8]) -> io::Result<XzDecoder<&'a [u8]>> {
        let stream = if packed.len() < PARALLEL_FROM {
            Stream::new_stream_decoder(MEMORY_LIMIT, 0)
        } else {
            MtStreamBuilder::new()
                .threads(u32::try_from(rayon::current_num_threads()).unwrap_or(1))
                .memlimit_threading(PARALLEL_MEMORY_LIMIT)
                .memlimit_stop(PARALLEL_MEMORY_LIMIT)
                .decoder()
        };
        Ok(XzDecoder::new_stream(packed, stream?))
    }
}

impl<'a> Read for XzStreams<'a> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let decoder = match &mut self.current {
                Some(decoder) => decoder,
                None => self.current.insert(Self::open(self.rest)?),
            };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let rest: &'a [u8] = decoder.get_ref();
            self.rest = rest;
            if self.rest.is_empty() {
                return Ok(0);
            }
            self.current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMIT: u64 = 1 << 24;

    fn packed(compression: Compression, content: &[u8]) -> Bytes {
        match compression {
            Compression::None => content.to_vec(),
            Compression::Gzip => {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(content).unwrap();
                gzip.finish().unwrap()
            }
            Compression::Xz => {
                let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
                xz.write_all(content).unwrap();
                xz.finish().unwrap()
            }
            Compression::Zstd => zstd::encode_all(content, 1).unwrap(),
        }
        .into()
    }

    const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

    #[test]
    fn what_is_packed_comes_back_within_the_limit_and_not_beyond() {
        let content = vec![7; 100_000];
        for compression in ALL {
            let packed = packed(compression, &content);
            assert_eq!(compression.unpack(&packed, 100_000).unwrap(), content);
            let error = compression.unpack(&packed, 99_999).unwrap_err();
            assert_eq!(error.to_string(), "it unpacks to more than the 99999 bytes allowed");
        }
    }

    #[test]
    fn streams_that_follow_each_other_are_one() {
        for compression in ALL {
            let twice = [packed(compression, b"one"), packed(compression, b"two")].concat();
            assert_eq!(compression.unpack(&twice.into(), LIMIT).unwrap(), "onetwo");
        }
    }

    #[test]
    fn what_is_cut_short_or_followed_by_something_else_is_damaged() {
        for compression in ALL.into_iter().skip(1) {
            let packed = packed(compression, &[7; 1000]);
            for end in 0..packed.len() {
                let cut = compression.unpack(&packed.slice(..end), LIMIT);
                assert!(
                    cut.is_err() || (end == 0 && compression == Compression::Zstd),
                    "{compression:?} {end}"
                );
            }
            let trailing = [packed.as_ref(), b"something else"].concat();
            assert!(compression.unpack(&trailing.into(), LIMIT).is_err(), "{compression:?}");
        }
    }

    #[test]
    fn a_large_xz_stream_of_many_blocks_comes_back_whole() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(6 << 20)
        .collect();
        let stream = MtStreamBuilder::new().threads(2).preset(0).block_size(1 << 20).encoder().unwrap();
        let mut xz = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        xz.write_all(&noise).unwrap();
        let packed = Bytes::from(xz.finish().unwrap());
        assert!(packed.len() > PARALLEL_FROM);
        assert!(Compression::Xz.unpack(&packed, LIMIT).unwrap() == noise);
        assert!(Compression::Xz.unpack(&packed.slice(..packed.len() - 1), LIMIT).is_err());
    }
}

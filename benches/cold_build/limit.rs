//! The work itself, by the libraries alone: every package is read, unpacked, hashed and compressed, with
//! nothing checked, nothing kept and nothing written.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

use libdeflater::{CompressionLvl, Compressor};
use liblzma::read::XzDecoder;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

/// Bytes that went through.
pub struct Work {
    pub deb: u64,
    pub tar: u64,
    pub gzip: u64,
}

/// As much as a layer has in one gzip member, so that a large package keeps all threads busy.
const BLOCK: usize = 4 << 20;

/// The largest comes first, so that the last one does not keep a thread busy while the others wait.
pub fn convert(debs: &[PathBuf]) -> Work {
    let none = || Work { deb: 0, tar: 0, gzip: 0 };
    let sum = |a: Work, b: Work| Work { deb: a.deb + b.deb, tar: a.tar + b.tar, gzip: a.gzip + b.gzip };
    debs.par_iter().with_max_len(1).map(package).reduce(none, sum)
}

fn package(path: &PathBuf) -> Work {
    let deb = fs::read(path).unwrap();
    let digest_of_deb = Sha256::digest(&deb);
    let tar = repack(&unpack(&deb));
    let digest_of_tar = Sha256::digest(&tar);
    let blocks: Vec<Vec<u8>> = tar.par_chunks(BLOCK).map(gzip).collect();
    let mut hasher = Sha256::new();
    blocks.iter().for_each(|block| hasher.update(block));
    std::hint::black_box((digest_of_deb, digest_of_tar, hasher.finalize()));
    let gzip = blocks.iter().map(Vec::len).sum::<usize>();
    Work { deb: deb.len() as u64, tar: tar.len() as u64, gzip: gzip as u64 }
}

/// The data.tar of a package, which is its last member, and compressed by xz.
fn unpack(deb: &[u8]) -> Vec<u8> {
    let mut rest = &deb[8..];
    loop {
        let (header, after) = rest.split_at(60);
        let size: usize = std::str::from_utf8(&header[48..58]).unwrap().trim_end().parse().unwrap();
        if header.starts_with(b"data.tar.xz") {
            let mut tar = Vec::new();
            XzDecoder::new(&after[..size]).read_to_end(&mut tar).unwrap();
            return tar;
        }
        rest = &after[size.next_multiple_of(2)..];
    }
}

/// The same archive, written anew.
fn repack(tar: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::with_capacity(tar.len()));
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header().clone();
        builder.append(&header, entry).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(block: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(6).unwrap());
    let mut member = vec![0; compressor.gzip_compress_bound(block.len())];
    let len = compressor.gzip_compress(block, &mut member).unwrap();
    member.truncate(len);
    member
}

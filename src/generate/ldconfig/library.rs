//! What the headers of a shared library say of it.

use object::elf::{
    DT_SONAME, EF_ARM_ABI_FLOAT_HARD, EF_RISCV_FLOAT_ABI_DOUBLE, EM_386, EM_AARCH64, EM_ARM, EM_PPC64,
    EM_RISCV, EM_S390, EM_X86_64, ET_DYN, FileHeader32, FileHeader64,
};
use object::read::elf::{Dyn as _, FileHeader};
use object::{Endianness, FileKind};
use serde::{Deserialize, Serialize};

use super::super::content;
use crate::tree::{ImagePath, Tree};

/// A shared library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    pub path: ImagePath,
    /// The name by which programs ask for it, if it gives itself one.
    pub soname: Option<String>,
    /// The ABI, as `ld.so.cache` encodes it: [`dl-cache.h`].
    ///
    /// [`dl-cache.h`]: https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/ldconfig.h
    pub flags: u32,
    pub is_big_endian: bool,
}

/// An ABI of glibc's that Debian has.
struct Abi {
    machine: u16,
    is_64: bool,
    /// A bit of the header's flags that tells it from others of the machine.
    mark: u32,
    /// `FLAG_ELF_LIBC6`, and what is required besides.
    flags: u32,
    triplet: &'static str,
}

const ABIS: [Abi; 7] = [
    abi(EM_X86_64.0, true, 0, 0x0303, "x86_64-linux-gnu"),
    abi(EM_AARCH64.0, true, 0, 0x0a03, "aarch64-linux-gnu"),
    abi(EM_ARM.0, false, EF_ARM_ABI_FLOAT_HARD, 0x0903, "arm-linux-gnueabihf"),
    abi(EM_386.0, false, 0, 0x0003, "i386-linux-gnu"),
    abi(EM_PPC64.0, true, 0, 0x0503, "powerpc64le-linux-gnu"),
    abi(EM_RISCV.0, true, EF_RISCV_FLOAT_ABI_DOUBLE.0, 0x1003, "riscv64-linux-gnu"),
    abi(EM_S390.0, true, 0, 0x0403, "s390x-linux-gnu"),
];

const fn abi(machine: u16, is_64: bool, mark: u32, flags: u32, triplet: &'static str) -> Abi {
    Abi { machine, is_64, mark, flags, triplet }
}

impl Library {
    /// The multiarch name of the ABI, which is that of its directory.
    pub(super) fn triplet(&self) -> Option<&'static str> {
        ABIS.iter().find(|abi| abi.flags == self.flags).map(|abi| abi.triplet)
    }
}

/// Whether a file of that name is taken for a library, or for the dynamic loader.
pub(super) fn has_name_of_one(name: &str) -> bool {
    ["lib", "ld-", "ld64.so."].iter().any(|prefix| name.starts_with(prefix)) && name.contains(".so")
}

/// The shared libraries of a tree, in the order of their paths. What only looks like one is passed over, as
/// ldconfig does.
#[must_use]
pub fn libraries(tree: &Tree) -> Vec<Library> {
    let paths = tree.iter().map(|(path, _)| path).filter(|path| has_name_of_one(path.file_name()));
    paths.filter_map(|path| read(path, content(tree, path)?)).collect()
}

fn read(path: &ImagePath, content: &[u8]) -> Option<Library> {
    match FileKind::parse(content).ok()? {
        FileKind::Elf32 => read_elf::<FileHeader32<Endianness>>(path, content),
        FileKind::Elf64 => read_elf::<FileHeader64<Endianness>>(path, content),
        _ => None,
    }
}

fn read_elf<Elf: FileHeader<Endian = Endianness>>(path: &ImagePath, content: &[u8]) -> Option<Library> {
    let header = Elf::parse(content).ok()?;
    let endian = header.endian().ok()?;
    let machine = header.e_machine(endian).0;
    let flags = header.e_flags(endian).0;
    let is_of = |abi: &&Abi| {
        abi.machine == machine && abi.is_64 == header.is_type_64() && flags & abi.mark == abi.mark
    };
    let abi = ABIS.iter().find(is_of).filter(|_| header.e_type(endian) == ET_DYN)?;
    let dynamic = header.sections(endian, content).ok()?.dynamic_table(endian, content).ok()?;
    let mut entries = dynamic.dynamics().iter();
    let soname = entries.find(|entry| entry.tag(endian) == DT_SONAME);
    let soname = soname.and_then(|entry| entry.string(endian, *dynamic.strings()).ok());
    Some(Library {
        path: path.clone(),
        soname: soname.and_then(|name| String::from_utf8(name.to_vec()).ok()),
        flags: abi.flags,
        is_big_endian: endian == Endianness::Big,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::Entry;

    /// The head of an x86-64 library.
    const HEAD: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0";

    proptest! {
        #[test]
        fn no_file_is_a_panic(rest in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut tree = Tree::new();
            tree.insert(ImagePath::parse("/usr/lib/libx.so").unwrap(), Entry::file([HEAD, &rest].concat(), 0));
            prop_assert!(libraries(&tree).len() <= 1);
        }
    }
}

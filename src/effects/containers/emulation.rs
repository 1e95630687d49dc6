//! Containers of other architectures: by the emulators that the kernel knows already, or by qemu-user's, of which it
//! is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use crate::debian::Architecture;

/// What it takes to run the architectures of images.
pub(super) struct Emulation {
    /// What the kernel has to be told.
    pub emulators: BTreeMap<Architecture, String>,
    /// Why others cannot be run, and what helps.
    pub obstacles: BTreeMap<Architecture, String>,
}

/// How qemu calls a processor, and how its programs are known: [`EI_CLASS`, `EI_DATA` and `e_machine`] of ELF.
///
/// [`EI_CLASS`, `EI_DATA` and `e_machine`]: https://gabi.xinuos.com/elf/02-eheader.html
struct Processor {
    name: &'static str,
    is_64_bit: bool,
    is_big_endian: bool,
    machine: u16,
}

impl Emulation {
    pub(super) fn find(machine: Option<&Architecture>, architectures: &BTreeSet<Architecture>) -> Self {
        let mut emulation = Self { emulators: BTreeMap::new(), obstacles: BTreeMap::new() };
        for architecture in architectures.iter().filter(|architecture| Some(*architecture) != machine) {
            let Some(processor) = Processor::of(architecture) else {
                let why = format!("no emulator of {architecture} is known");
                emulation.obstacles.insert(architecture.clone(), why);
                continue;
            };
            match processor.emulator() {
                _ if processor.is_registered() => {}
                Some(emulator) => {
                    emulation.emulators.insert(architecture.clone(), processor.rule(&emulator));
                }
                None => {
                    let why = format!(
                        "there is no emulator `qemu-{0}-static` or `qemu-{0}`: apt-get install qemu-user-static",
                        processor.name
                    );
                    emulation.obstacles.insert(architecture.clone(), why);
                }
            }
        }
        emulation
    }
}

impl Processor {
    fn of(architecture: &Architecture) -> Option<Self> {
        let processor =
            |name, is_64_bit, is_big_endian, machine| Self { name, is_64_bit, is_big_endian, machine };
        Some(match architecture.as_str() {
            "amd64" => processor("x86_64", true, false, 62),
            "i386" => processor("i386", false, false, 3),
            "arm64" => processor("aarch64", true, false, 183),
            "armhf" | "armel" => processor("arm", false, false, 40),
            "ppc64el" => processor("ppc64le", true, false, 21),
            "riscv64" => processor("riscv64", true, false, 243),
            "s390x" => processor("s390x", true, true, 22),
            "loong64" => processor("loongarch64", true, false, 258),
            _ => return None,
        })
    }

    /// Whether the kernel knows an emulator that it opens itself, so that a container need not hold it.
    fn is_registered(&self) -> bool {
        let entry =
            fs::read_to_string(format!("/proc/sys/fs/binfmt_misc/qemu-{}", self.name)).unwrap_or_default();
        let flags = entry.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
        entry.starts_with("enabled") && flags.contains('F')
    }

    fn emulator(&self) -> Option<String> {
        let script = format!("command -v qemu-{0}-static || command -v qemu-{0}", self.name);
        let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().ok()?;
        let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && path.starts_with('/')).then_some(path)
    }

    /// What binfmt_misc is told: executables and shared objects of the processor are the emulator's, which is opened
    /// at once (`F`), and hears by what name a program was called (`P`), as busybox needs it.
    fn rule(&self, emulator: &str) -> String {
        let two = |value: u16| if self.is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut magic = vec![
            0x7f,
            b'E',
            b'L',
            b'F',
            if self.is_64_bit { 2 } else { 1 },
            if self.is_big_endian { 2 } else { 1 },
            1,
        ];
        let mut mask = vec![0xff; 7];
        // The version and the padding of the ABI, and its name, which is any.
        magic.extend([0; 9]);
        mask.extend([[0].as_slice(), &[0xff; 8]].concat());
        // ET_EXEC is 2, ET_DYN is 3.
        magic.extend(two(2).into_iter().chain(two(self.machine)));
        mask.extend(two(0xfffe).into_iter().chain(two(0xffff)));
        format!(":qemu-{}:M::{}:{}:{emulator}:PF", self.name, escaped(&magic), escaped(&mask))
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_told_how_the_programs_of_a_processor_begin() {
        let rule = |name: &str| Processor::of(&name.parse().unwrap()).unwrap().rule("/usr/bin/emulator");
        let head = r"\x7f\x45\x4c\x46\x02";
        let padding = r"\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        let mask = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(
            rule("arm64"),
            format!(
                r":qemu-aarch64:M::{head}\x01\x01{padding}\x02\x00\xb7\x00:{mask}\xfe\xff\xff\xff:/usr/bin/emulator:PF"
            )
        );
        assert_eq!(
            rule("s390x"),
            format!(
                r":qemu-s390x:M::{head}\x02\x01{padding}\x00\x02\x00\x16:{mask}\xff\xfe\xff\xff:/usr/bin/emulator:PF"
            )
        );
    }
}

//! The order of versions: ours against libapt-pkg's by python3-apt, and some against dpkg itself.

use std::cmp::Ordering;
use std::io::Write as _;
use std::process::{Command, Stdio};

use distro::debian::Version;

/// Compares pairs of lines, and prints the sign of each.
const PYTHON: &str = "
import sys, apt_pkg
apt_pkg.init_system()
lines = sys.stdin.read().split()
for a, b in zip(lines[::2], lines[1::2]):
    order = apt_pkg.version_compare(a, b)
    print('<' if order < 0 else '>' if order > 0 else '=')
";

/// Characters that versions are generated from, the difficult ones more than once.
const ALPHABET: &[u8] = b"0011239abZ~~++..-";

/// Pairs of neighbours among real versions, and as many of each with a variation of itself.
pub fn pairs<'a>(real: impl Iterator<Item = &'a Version>, count: usize) -> Vec<(Version, Version)> {
    let real: Vec<_> = real.collect();
    let mut state = 1_u64;
    // A linear congruential generator: the same pairs at every run.
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut pairs = Vec::with_capacity(count);
    while pairs.len() < count {
        let (a, b) = (real[random(real.len())], real[random(real.len())]);
        pairs.push((a.clone(), b.clone()));
        let mut text = a.as_str().as_bytes().to_vec();
        let (at, with) = (random(text.len()), ALPHABET[random(ALPHABET.len())]);
        match random(3) {
            0 => text.insert(at, with),
            1 => text[at] = with,
            _ => text.truncate(at.max(1)),
        }
        if let Ok(varied) = String::from_utf8_lossy(&text).parse() {
            pairs.push((a.clone(), varied));
        }
    }
    pairs
}

/// The pairs on which libapt-pkg has another opinion.
pub fn against_apt(pairs: &[(Version, Version)]) -> Vec<String> {
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("python3 cannot be run: {error}"));
    let text: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 lacks apt_pkg: install python3-apt");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), pairs.len());
    let differ = pairs.iter().zip(said.lines()).filter(|((a, b), apt)| sign(a.cmp(b)) != *apt);
    differ.map(|((a, b), apt)| format!("{a} {} {b}, apt: {apt}", sign(a.cmp(b)))).collect()
}

/// The pairs on which `dpkg --compare-versions` has another opinion, which is asked pair by pair.
pub fn against_dpkg(pairs: &[(Version, Version)]) -> Vec<String> {
    let agrees = |a: &Version, b: &Version| {
        let relation = match a.cmp(b) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let mut dpkg = Command::new("dpkg");
        dpkg.args(["--compare-versions", a.as_str(), relation, b.as_str()]).stderr(Stdio::null());
        dpkg.status().unwrap().success()
    };
    let differ = pairs.iter().filter(|(a, b)| !agrees(a, b));
    differ.map(|(a, b)| format!("{a} {} {b}, dpkg denies it", sign(a.cmp(b)))).collect()
}

fn sign(order: Ordering) -> &'static str {
    match order {
        Ordering::Less => "<",
        Ordering::Equal => "=",
        Ordering::Greater => ">",
    }
}

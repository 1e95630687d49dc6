//! File capabilities, [capabilities(7)]: what an executable may do though root does not run it.
//!
//! [capabilities(7)]: https://manpages.debian.org/trixie/manpages/capabilities.7.en.html

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Capabilities by their numbers, as linux/capability.h has them.
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The capabilities that a file has and that are in effect when it runs; one at least. The text is that of
/// setcap(8): `cap_net_bind_service,cap_net_raw=ep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Capabilities {
    /// A bit for each, by its number.
    permitted: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCapabilities {
    #[error("`{0}` does not say capabilities as setcap(8) does, as in `cap_net_raw=ep`")]
    Form(String),
    #[error("`{0}` is no capability of Linux: see capabilities(7)")]
    Unknown(String),
}

impl Capabilities {
    /// The value of the extended attribute `security.capability`: `struct vfs_cap_data` of revision 2, with the
    /// effective bit, nothing inheritable.
    #[must_use]
    pub fn attribute(self) -> [u8; 20] {
        const REVISION_2_EFFECTIVE: u32 = 0x0200_0000 | 1;
        let (low, high) = (self.permitted as u32, (self.permitted >> 32) as u32);
        let mut value = [0; 20];
        for (field, word) in value.chunks_exact_mut(4).zip([REVISION_2_EFFECTIVE, low, 0, high, 0]) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        value
    }

    /// The inverse of [`Capabilities::attribute`]; `None` for any other form.
    #[must_use]
    pub fn of_attribute(value: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(value.get(at..at + 4)?.try_into().ok()?));
        let capabilities = Self { permitted: u64::from(word(12)?) << 32 | u64::from(word(4)?) };
        (capabilities.permitted != 0 && capabilities.attribute() == value).then_some(capabilities)
    }
}

impl FromStr for Capabilities {
    type Err = InvalidCapabilities;

    fn from_str(text: &str) -> Result<Self, InvalidCapabilities> {
        let names = text.strip_suffix("=ep").or_else(|| text.strip_suffix("+ep"));
        let names = names.ok_or_else(|| InvalidCapabilities::Form(text.chars().take(80).collect()))?;
        let bit = |name: &str| NAMES.iter().position(|known| *known == name).map(|number| 1 << number);
        let permitted = names.split(',').try_fold(0, |permitted, name| {
            let unknown = || InvalidCapabilities::Unknown(name.chars().take(80).collect());
            Ok(permitted | bit(name).ok_or_else(unknown)?)
        })?;
        Ok(Self { permitted })
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = NAMES.iter().enumerate().filter(|(number, _)| self.permitted >> number & 1 == 1);
        let names: Vec<_> = held.map(|(_, name)| *name).collect();
        write!(f, "{}=ep", names.join(","))
    }
}

crate::text::string_form!(Capabilities);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_that_of_setcap_in_the_order_of_numbers() {
        let parsed = "cap_net_raw,cap_net_bind_service+ep".parse::<Capabilities>().unwrap();
        assert_eq!(parsed.to_string(), "cap_net_bind_service,cap_net_raw=ep");
        for text in ["", "cap_net_raw", "cap_net_raw=eip", "=ep", "cap_raw=ep", "CAP_NET_RAW=ep"] {
            assert!(text.parse::<Capabilities>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_attribute_is_what_the_kernel_reads() {
        let attribute = |text: &str| text.parse::<Capabilities>().unwrap().attribute();
        let expected = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(attribute("cap_net_raw=ep"), expected);
        assert_eq!(attribute("cap_bpf=ep")[12], 0x80);
        let capabilities: Capabilities = "cap_net_raw,cap_bpf=ep".parse().unwrap();
        assert_eq!(Capabilities::of_attribute(&capabilities.attribute()), Some(capabilities));
        for foreign in [&[][..], &[0; 20], &[1, 0, 0, 3, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Capabilities::of_attribute(foreign), None);
        }
    }
}

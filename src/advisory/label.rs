//! The words of [OpenVEX](https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md#status-labels).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a product has a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    NotAffected,
    Fixed,
    UnderInvestigation,
    Affected,
}

/// Why a product does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Justification {
    ComponentNotPresent,
    VulnerableCodeNotPresent,
    VulnerableCodeNotInExecutePath,
    VulnerableCodeCannotBeControlledByAdversary,
    InlineMitigationsAlreadyExist,
}

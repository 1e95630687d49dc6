//! SBOMs, layers and a policy → findings.

pub mod inventory;

pub use inventory::{Inventory, InventoryError};

//! What people write: the catalog and its image definitions.

pub mod accounts;

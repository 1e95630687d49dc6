//! Behaviour through the real binary, against a fake signed archive on a local server. Only the tests in
//! [`against_apt`], [`live`] and [`oracle`] reach another machine, the Debian mirror of this host's apt.

#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside the pure core: they write files and run programs"
)]
#![allow(dead_code, reason = "a harness has more to offer than the tests of one day use")]

mod access;
mod against_apt;
mod archive;
mod audit;
mod build;
mod daemon;
mod definitions;
mod desk;
mod diff;
mod extends;
mod faults;
mod find;
mod foreign;
mod forgery;
mod hand;
mod harness;
mod hostile;
mod images;
mod layout;
mod ldconfig;
mod licenses;
mod live;
mod lock;
mod mended;
mod oracle;
mod privileged;
mod published;
mod push;
mod registry;
mod remote;
mod renewal;
mod run;
mod sbom;
mod scripts;
mod server;
mod shards;
mod sign;
mod sources;
mod store;
mod structure;
mod validators;
mod vendor;
mod verbs;
mod verify;
mod vex;
mod workshop;

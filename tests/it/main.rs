//! Behaviour through the real binary, against a fake signed archive on a local server. No test here
//! reaches another machine or reads the host's settings, but those in [`oracle`]: they compare our
//! readers with others' over real packages from the mirror that the host's apt uses.

#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside the pure core: they write files and run programs"
)]
#![allow(dead_code, reason = "a harness has more to offer than the tests of one day use")]

mod archive;
mod definitions;
mod desk;
mod harness;
mod lock;
mod oracle;
mod run;
mod server;
mod verbs;

//! Behaviour through the real binary, against a fake signed archive on a local server. Only the tests in
//! [`live`] reach another machine, the Debian mirror of this host's apt, or read the host's settings.

#![expect(
    clippy::disallowed_methods,
    reason = "tests stand outside the pure core: they write files and run programs"
)]
#![allow(dead_code, reason = "a harness has more to offer than the tests of one day use")]

mod archive;
mod harness;
mod live;
mod run;
mod server;

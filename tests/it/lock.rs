//! `distro lock`.

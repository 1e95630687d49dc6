//! What is not Debian's: archives of third parties, and upstream tarballs.

mod archives;
mod tarballs;

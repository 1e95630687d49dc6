//! A binary package → the tree of its layer.

use bytes::Bytes;

use crate::debian::PackageName;
use crate::debian::deb::{self, Deb, DebError};
use crate::tree::{Entry, Filter, Filtered, ImagePath, InvalidPath, MergeError, Tree};


//! What a store has from another that many machines share, and gives to it.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::{Expected, RecordKind, Store, StoreError};
use crate::attest::key::SigningError;
use crate::digest::Sha256;
use crate::effects::archive::Network;
use crate::effects::progress::Progress;
use crate::effects::remote::{Name, Remote};

/// Objects that are sent at a time.
const SENDERS: usize = 8;

/// What others lack, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// A file that a lock names.
    Input(Sha256),
    /// A record, and the blob that it leads to.
    Made { kind: RecordKind, key: Sha256, blob: Sha256 },
}

#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not sign what is shared with other machines")]
    Sign(#[from] SigningError),
}

impl Store {
    /// A store with another behind it.
    #[must_use]
    pub fn with_remote(self, remote: Option<Remote>) -> Self {
        Self { remote, ..self }
    }

    /// The store behind this one, unless asking it needs a network that may not be used.
    fn remote(&self, network: Network) -> Option<&Remote> {
        self.remote.as_ref().filter(|remote| network == Network::Allowed || remote.is_local())
    }

    /// Takes a blob over from the remote store; false where that does not have it, or another under its name.
    pub fn take_over(&self, expected: Expected, at_most: u64, network: Network) -> Result<bool, StoreError> {
        let Some((remote, digest)) = self.remote(network).zip(expected.digest) else { return Ok(false) };
        let Some(bytes) = remote.blob(digest, expected.size.unwrap_or(at_most)) else { return Ok(false) };
        match self.insert(&bytes[..], expected) {
            Ok(_) => Ok(true),
            Err(error @ (StoreError::WrongDigest { .. } | StoreError::WrongSize { .. })) => {
                remote.refuse(Name::Blob(digest), &error.to_string());
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The record of a key that the remote store has from somebody who is trusted. It is not kept.
    #[must_use]
    pub fn shared_record(&self, kind: RecordKind, key: Sha256, network: Network) -> Option<Bytes> {
        self.remote(network)?.record(kind, key)
    }

    /// Notes that a shared record does not fit what it leads to.
    pub fn refuse_shared(&self, kind: RecordKind, key: Sha256, why: &str) {
        if let Some(remote) = &self.remote {
            remote.refuse(Name::Record(kind, key), why);
        }
    }

    /// Notes what others may want.
    pub fn offer(&self, news: News) {
        if self.remote.as_ref().is_some_and(Remote::is_writable) {
            self.news.lock().unwrap_or_else(PoisonError::into_inner).insert(news);
        }
    }

    /// Gives all that is new to the remote store, a layer before the record that leads to it; nothing where that needs a
    /// network that may not be used.
    pub fn share(&self, network: Network, progress: &dyn Progress) -> Result<(), ShareError> {
        let Some(remote) = self.remote(network) else { return Ok(()) };
        let news = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
        let news: Vec<_> = news.into_iter().collect();
        let next = AtomicUsize::new(0);
        let send = || {
            while let Some(news) = news.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.send(remote, *news, progress)?;
            }
            Ok::<_, ShareError>(())
        };
        std::thread::scope(|threads| {
            let senders: Vec<_> = (0..SENDERS.min(news.len())).map(|_| threads.spawn(send)).collect();
            senders
                .into_iter()
                .try_for_each(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    fn send(&self, remote: &Remote, news: News, progress: &dyn Progress) -> Result<(), ShareError> {
        let digest = match news {
            News::Input(digest) | News::Made { blob: digest, .. } => digest,
        };
        if matches!(news, News::Made { .. }) && !remote.signs() {
            return Ok(());
        }
        let Some(bytes) = self.read(digest)? else { return Ok(()) };
        let size = bytes.len() as u64;
        let mut task = progress.begin(&digest.to_string(), Some(size));
        remote.put_blob(digest, bytes);
        if let News::Made { kind, key, .. } = news
            && let Some(record) = self.record(kind, key)?
        {
            remote.put_record(kind, key, &record)?;
        }
        task.advance(size);
        Ok(())
    }

    /// What went wrong with the remote store since this was last asked, to be told to people.
    #[must_use]
    pub fn take_troubles(&self) -> Vec<String> {
        self.remote.as_ref().map(Remote::take_troubles).unwrap_or_default()
    }
}

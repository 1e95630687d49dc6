//! Objects by name, in a bucket or a directory.

use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, Error, ObjectStore, ObjectStoreExt as _, ObjectStoreScheme, RetryConfig,
};
use tokio::runtime::Runtime;
use url::{Position, Url};

use super::{Name, Place, RemoteError, Unread};

/// How clients behave: a connection comes about soon or not at all, and a large layer has its time.
const PATIENCE: [(ClientConfigKey, &str); 2] =
    [(ClientConfigKey::ConnectTimeout, "5 seconds"), (ClientConfigKey::Timeout, "15 minutes")];

/// A client of an object store, for any number of threads, each of which waits for its own answers.
pub(super) struct Objects {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    runtime: Runtime,
    local: bool,
}

impl Objects {
    /// Logins come from where the tools of each cloud have them: the environment, or the machine itself.
    pub(super) fn open(url: &Url, shown: &str) -> Result<Self, RemoteError> {
        let setup = |reason: String| RemoteError::Setup { url: shown.to_owned(), reason };
        let (scheme, prefix) =
            ObjectStoreScheme::parse(url).map_err(|_| RemoteError::Scheme(shown.to_owned()))?;
        // An error means that this process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = open(&scheme, url).map_err(|error| setup(reason(&error)))?;
        let store = store.ok_or_else(|| RemoteError::Scheme(shown.to_owned()))?;
        // The threads that ask do the work themselves.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| setup(error.to_string()))?;
        Ok(Self { store, prefix, runtime, local: scheme == ObjectStoreScheme::Local })
    }

    fn path(&self, name: Name) -> Path {
        name.to_string().split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

impl Place for Objects {
    fn is_local(&self) -> bool {
        self.local
    }

    fn get(&self, name: Name, at_most: u64) -> Result<Option<Bytes>, Unread> {
        let got = self.runtime.block_on(async {
            let found = self.store.get(&self.path(name)).await?;
            if found.meta.size > at_most {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        });
        match got {
            Err(Error::NotFound { .. }) => Ok(None),
            got => got.map_err(|error| Unread::OutOfReach(reason(&error))),
        }
    }

    fn put(&self, name: Name, bytes: Bytes) -> Result<(), String> {
        let path = self.path(name);
        let put = self.runtime.block_on(async {
            if let Name::Blob(_) = name {
                match self.store.head(&path).await {
                    Err(Error::NotFound { .. }) => {}
                    found => return found.map(drop),
                }
            }
            self.store.put(&path, bytes.into()).await.map(drop)
        });
        put.map_err(|error| reason(&error))
    }
}

fn open(scheme: &ObjectStoreScheme, url: &Url) -> Result<Option<Box<dyn ObjectStore>>, Error> {
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
    };
    Ok(Some(match scheme {
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
            let configure = |builder: AmazonS3Builder, (key, value)| {
                builder.with_config(AmazonS3ConfigKey::Client(key), value)
            };
            Box::new(PATIENCE.into_iter().fold(builder, configure).build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            let configure = |builder: GoogleCloudStorageBuilder, (key, value)| {
                builder.with_config(GoogleConfigKey::Client(key), value)
            };
            Box::new(PATIENCE.into_iter().fold(builder, configure).build()?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            let configure = |builder: MicrosoftAzureBuilder, (key, value)| {
                builder.with_config(AzureConfigKey::Client(key), value)
            };
            Box::new(PATIENCE.into_iter().fold(builder, configure).build()?)
        }
        ObjectStoreScheme::Http => {
            let builder = HttpBuilder::new().with_url(&url[..Position::BeforePath]).with_retry(retry);
            let builder = builder.with_config(ClientConfigKey::AllowHttp, "true");
            let configure = |builder: HttpBuilder, (key, value)| builder.with_config(key, value);
            Box::new(PATIENCE.into_iter().fold(builder, configure).build()?)
        }
        ObjectStoreScheme::Local => Box::new(LocalFileSystem::new()),
        _ => return Ok(None),
    }))
}

/// The innermost cause: what lies around it names types of a library.
fn reason(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

//! Objects by name, in a bucket or a directory.

use std::time::Duration;

use bytes::Bytes;
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientConfigKey, ClientOptions, Error, ObjectStore, ObjectStoreExt as _,
    ObjectStoreScheme, RetryConfig,
};
use reqwest::header::{self, HeaderValue};
use tokio::runtime::Runtime;
use url::{Position, Url};

use super::cloud::{self, Bucket, Login};
use super::{Name, Place, RemoteError, Unread};

/// How clients behave: a connection comes about soon or not at all, and a large layer has its time. Whether it is
/// encrypted is for whoever names an endpoint to say, by its URL.
pub(super) const CLIENT: [(ClientConfigKey, &str); 3] = [
    (ClientConfigKey::ConnectTimeout, "5 seconds"),
    (ClientConfigKey::Timeout, "15 minutes"),
    (ClientConfigKey::AllowHttp, "true"),
];

/// A client of an object store, for any number of threads, each of which waits for its own answers.
pub(super) struct Objects {
    store: Box<dyn ObjectStore>,
    prefix: Path,
    /// Of a bucket: where its login comes from.
    login: Option<Login>,
    runtime: Runtime,
    local: bool,
}

impl Objects {
    /// Logins come from where the tools of each cloud have them: the environment, or the machine itself.
    pub(super) fn open(
        url: &Url,
        shown: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Self, RemoteError> {
        let setup = |reason: String| RemoteError::Setup { url: shown.to_owned(), reason };
        let (scheme, prefix) =
            ObjectStoreScheme::parse(url).map_err(|_| RemoteError::Scheme(shown.to_owned()))?;
        // An error means that this process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (login, store) =
            open(&scheme, url, authorization).ok_or_else(|| RemoteError::Scheme(shown.to_owned()))?;
        let unfit =
            |error: Error| setup(login.map_or_else(|| cloud::told(&error), |login| login.unfit(&error)));
        let store = store.map_err(unfit)?;
        // The threads that ask do the work themselves.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| setup(error.to_string()))?;
        Ok(Self { store, prefix, login, runtime, local: scheme == ObjectStoreScheme::Local })
    }

    fn path(&self, name: Name) -> Path {
        name.to_string().split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn told(&self, error: &Error) -> String {
        self.login.map_or_else(|| cloud::told(error), |login| login.told(error))
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
            Err(error @ Error::NotFound { .. }) if !cloud::is_without_bucket(&error) => Ok(None),
            got => got.map_err(|error| Unread::OutOfReach(self.told(&error))),
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
        put.map_err(|error| self.told(&error))
    }
}

/// `None` for a scheme that is nobody's.
fn open(
    scheme: &ObjectStoreScheme,
    url: &Url,
    authorization: Option<HeaderValue>,
) -> Option<(Option<Login>, Result<Bucket, Error>)> {
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
    };
    let (login, store) = match scheme {
        ObjectStoreScheme::AmazonS3 => cloud::s3(url, retry),
        ObjectStoreScheme::GoogleCloudStorage => cloud::google(url, retry),
        ObjectStoreScheme::MicrosoftAzure => cloud::azure(url, retry),
        ObjectStoreScheme::Http => return Some((None, server(url, retry, authorization))),
        ObjectStoreScheme::Local => return Some((None, Ok(Box::new(LocalFileSystem::new())))),
        _ => return None,
    };
    Some((Some(login), store))
}

fn server(url: &Url, retry: RetryConfig, authorization: Option<HeaderValue>) -> Result<Bucket, Error> {
    let headers = authorization.map(|value| (header::AUTHORIZATION, value)).into_iter().collect();
    let client = ClientOptions::new().with_default_headers(headers);
    let builder = HttpBuilder::new()
        .with_client_options(client)
        .with_url(&url[..Position::BeforePath])
        .with_retry(retry);
    let builder = CLIENT.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value));
    Ok(Box::new(builder.build()?))
}

//! The clouds that objects are kept in: how a bucket is reached, by whose login, and what is wrong where it cannot be.

#![expect(clippy::disallowed_methods, reason = "logins are read where the tools of each cloud read them")]

use std::fmt;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{Error, ObjectStore, RetryConfig};
use serde::Deserialize;
use url::Url;

use super::objects::CLIENT;
use crate::cause::innermost;

/// Characters of an answer that is not what clouds write, but what something on the way to them did.
const FOREIGN_LIMIT: usize = 200;

/// Codes of S3, Google Cloud Storage and Azure Blob Storage for a bucket that is not there.
const NO_BUCKET: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];

/// What tells that a bucket is in another region of S3: what the client makes of a redirection, and an answer.
const OTHER_REGION: [&str; 2] = ["incorrectly configured region", "AuthorizationHeaderMalformed"];

/// A bucket, as a client of its cloud.
pub(super) type Bucket = Box<dyn ObjectStore>;

/// Where the login of a cloud comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login {
    variables: &'static str,
    /// What else makes one.
    otherwise: &'static str,
    /// Whether the environment has one. The machine may have one of its own all the same.
    named: bool,
}

impl Login {
    /// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>
    fn s3(named: bool) -> Self {
        Self {
            variables: "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`",
            otherwise: "`aws configure export-credentials --format env` prints those of a profile",
            named,
        }
    }

    /// <https://docs.cloud.google.com/docs/authentication/application-default-credentials>
    fn google(named: bool) -> Self {
        Self {
            variables: "`GOOGLE_APPLICATION_CREDENTIALS`",
            otherwise: "`gcloud auth application-default login` makes one for this machine",
            named,
        }
    }

    /// <https://learn.microsoft.com/en-us/azure/storage/blobs/authorize-data-operations-cli>
    fn azure(named: bool) -> Self {
        Self {
            variables: "`AZURE_STORAGE_ACCOUNT`, and `AZURE_STORAGE_KEY` or `AZURE_STORAGE_SAS_TOKEN`",
            otherwise: "with `AZURE_USE_AZURE_CLI=true`, that of `az login` serves",
            named,
        }
    }

    /// Why a client cannot be set up, and what it is set up by.
    pub(super) fn unfit(self, error: &Error) -> String {
        let why = match error {
            Error::Generic { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        format!("{}; logins come from {self}", why.trim_end_matches('.'))
    }

    /// Why something was not done, and what helps.
    pub(super) fn told(self, error: &Error) -> String {
        let why = told(error);
        match error {
            Error::NotFound { .. } => format!("{why}; make it, or correct the name"),
            _ if OTHER_REGION.iter().any(|words| why.contains(words)) => {
                format!("{why}; `AWS_REGION` names it")
            }
            _ if !self.named => format!("{why}; the environment has no login: set {self}"),
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                let variables = self.variables;
                format!(
                    "{why}; the login of {variables} must be known there, and needs the right to read, list and add objects"
                )
            }
            _ => why,
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.variables, self.otherwise)
    }
}

pub(super) fn s3(url: &Url, retry: RetryConfig) -> (Login, Result<Bucket, Error>) {
    use AmazonS3ConfigKey as Key;
    let builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
    let builder = CLIENT
        .into_iter()
        .fold(builder, |builder, (key, value)| builder.with_config(Key::Client(key), value));
    let logins = [
        Key::AccessKeyId,
        Key::SecretAccessKey,
        Key::WebIdentityTokenFile,
        Key::ContainerCredentialsRelativeUri,
        Key::ContainerCredentialsFullUri,
    ];
    let named = logins.iter().any(|key| builder.get_config_value(key).is_some());
    (Login::s3(named), builder.build().map(|bucket| Box::new(bucket) as Bucket))
}

pub(super) fn google(url: &Url, retry: RetryConfig) -> (Login, Result<Bucket, Error>) {
    use GoogleConfigKey as Key;
    let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
    let builder = CLIENT
        .into_iter()
        .fold(builder, |builder, (key, value)| builder.with_config(Key::Client(key), value));
    let logins = [Key::ServiceAccount, Key::ServiceAccountKey, Key::ApplicationCredentials, Key::BearerToken];
    let named = logins.iter().any(|key| builder.get_config_value(key).is_some());
    (Login::google(named), builder.build().map(|bucket| Box::new(bucket) as Bucket))
}

pub(super) fn azure(url: &Url, retry: RetryConfig) -> (Login, Result<Bucket, Error>) {
    use AzureConfigKey as Key;
    let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry);
    let builder = CLIENT
        .into_iter()
        .fold(builder, |builder, (key, value)| builder.with_config(Key::Client(key), value));
    // As `az` calls them; the client knows them by other names only.
    let az = [(Key::AccountName, "AZURE_STORAGE_ACCOUNT"), (Key::AccessKey, "AZURE_STORAGE_KEY")];
    let builder = az.into_iter().fold(builder, |builder, (key, variable)| match std::env::var(variable) {
        Ok(value) if builder.get_config_value(&key).is_none() => builder.with_config(key, value),
        _ => builder,
    });
    let logins = [Key::AccessKey, Key::SasKey, Key::Token, Key::ClientId];
    let named = logins.iter().any(|key| builder.get_config_value(key).is_some())
        || builder.get_config_value(&Key::UseAzureCli).as_deref() == Some("true");
    (Login::azure(named), builder.build().map(|bucket| Box::new(bucket) as Bucket))
}

/// Whether it is not an object that is missing, but the bucket that it would be in.
pub(super) fn is_without_bucket(error: &Error) -> bool {
    let said = innermost(error);
    NO_BUCKET.iter().any(|code| said.contains(code))
}

/// What a server has to say of a request that it does not fulfil. All three clouds write it alike.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
    message: Option<String>,
    details: Option<String>,
}

/// Why something was not done. Of the answer of a server, what is meant for people: the rest of it may tell how a request
/// was signed.
pub(super) fn told(error: &Error) -> String {
    let said = innermost(error);
    let Some((_, answer)) = said.split_once("status code: ") else { return said };
    // Nothing that a terminal would obey.
    let answer = answer.replace(|letter: char| letter.is_control() && letter != '\n', " ");
    let (status, body) = answer.split_once(": ").unwrap_or((&answer, ""));
    let xml = body.find('<').map_or(body, |start| &body[start..]);
    if let Ok(Refusal { code, message, details }) = quick_xml::de::from_str(xml) {
        let message = details.or(message).unwrap_or_default();
        let message = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
        return format!("the server answered {status}, {code}: {message}");
    }
    let body: String =
        body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(FOREIGN_LIMIT).collect();
    if body.is_empty() {
        format!("the server answered {status}")
    } else {
        format!("the server answered {status}: {body}")
    }
}

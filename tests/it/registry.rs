//! An OCI registry on the loopback that keeps what it is sent in memory, and the one that Debian has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::layout::sha256;
use crate::live::need;
use crate::server::{Request, Response, Server};

/// What a registry does and does not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Habits {
    /// Lists what refers to a manifest.
    pub referrers: bool,
    /// Gives one repository the blobs of another.
    pub mounts: bool,
    /// Takes this value of `Authorization`, and is asked for it by this challenge.
    pub login: Option<(&'static str, &'static str)>,
}

/// What a registry keeps.
#[derive(Debug, Default)]
pub struct Kept {
    /// By repository and digest.
    pub blobs: BTreeMap<(String, String), Vec<u8>>,
    /// By repository and digest or tag, with their media types.
    pub manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: BTreeMap<String, Vec<u8>>,
    /// Uploads that were ever begun.
    begun: usize,
}

pub struct FakeRegistry {
    pub server: Server,
    kept: Arc<Mutex<Kept>>,
}

impl FakeRegistry {
    pub fn new(habits: Habits) -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let shared = Arc::clone(&kept);
        let server = Server::of(move |request| shared.lock().unwrap().answer(habits, request));
        Self { server, kept }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        self.server.url().strip_prefix("http://").unwrap()
    }

    /// What the registry has, and a change to it.
    pub fn kept<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.kept.lock().unwrap())
    }

    /// The tags of all repositories: `base/cc-debian13:latest sha256:…`.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.kept(|kept| {
            let tags = kept.manifests.iter().filter(|((_, at), _)| !at.starts_with("sha256:"));
            tags.map(|((path, tag), (_, bytes))| (format!("{path}:{tag}"), digest(bytes))).collect()
        })
    }

    /// The blobs of a repository.
    pub fn blobs(&self, repository: &str) -> BTreeSet<String> {
        self.kept(|kept| {
            let of = kept.blobs.keys().filter(|(path, _)| path == repository);
            of.map(|(_, digest)| digest.clone()).collect()
        })
    }

    /// Attaches one more SBOM of SPDX 2.3 to an image that has one.
    pub fn attach_sbom(&self, repository: &str, subject: &str, text: &str) {
        self.kept(|kept| {
            let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            let is_sbom = |artifact: &Value| {
                artifact["artifactType"] == "application/spdx+json"
                    && artifact["subject"]["digest"] == subject
            };
            let mut artifacts = kept.manifests.values().map(|(_, bytes)| parsed(bytes));
            let mut artifact = artifacts.find(is_sbom).unwrap();
            artifact["layers"][0]["digest"] = digest(text.as_bytes()).into();
            artifact["layers"][0]["size"] = text.len().into();
            let key = |bytes: &[u8]| (repository.to_owned(), digest(bytes));
            kept.blobs.insert(key(text.as_bytes()), text.into());
            let artifact = artifact.to_string().into_bytes();
            let kind = "application/vnd.oci.image.manifest.v1+json".to_owned();
            kept.manifests.insert(key(&artifact), (kind, artifact));
        });
    }

    /// What was asked since the last call, but for what only looks: `POST /v2/…`.
    pub fn changes(&self) -> Vec<String> {
        let paths = self.server.take_paths().into_iter();
        paths.filter(|path| !path.starts_with("GET ") && !path.starts_with("HEAD ")).collect()
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn error(status: u16, code: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": "as a test has it" }] });
    Response { body: body.to_string().into_bytes(), ..Response::new(status) }
        .header("Content-Type", "application/json")
}

impl Kept {
    fn answer(&mut self, habits: Habits, request: &Request) -> Response {
        if let Some((login, challenge)) = habits.login
            && request.header("authorization") != Some(login)
        {
            return error(401, "UNAUTHORIZED").header("WWW-Authenticate", challenge);
        }
        let Some(path) = request.path.strip_prefix("/v2/") else { return error(404, "NAME_UNKNOWN") };
        if path.is_empty() {
            return Response::new(200);
        }
        for (kind, act) in [
            ("/blobs/uploads/", Self::upload as fn(&mut Self, Habits, &Request, &str, &str) -> Response),
            ("/blobs/", Self::blob),
            ("/manifests/", Self::manifest),
            ("/referrers/", Self::referrers),
        ] {
            if let Some((repository, rest)) = path.split_once(kind) {
                return act(self, habits, request, repository, rest);
            }
        }
        error(404, "NAME_UNKNOWN")
    }

    fn blob(&mut self, _: Habits, _: &Request, repository: &str, digest: &str) -> Response {
        match self.blobs.get(&(repository.to_owned(), digest.to_owned())) {
            Some(bytes) => Response { body: bytes.clone(), ..Response::new(200) },
            None => error(404, "BLOB_UNKNOWN"),
        }
    }

    fn upload(&mut self, habits: Habits, request: &Request, repository: &str, session: &str) -> Response {
        let at = |session: &str| format!("/v2/{repository}/blobs/uploads/{session}?_state=secret-state");
        if request.method == "POST" {
            if let (Some(mount), Some(from)) = (request.query("mount"), request.query("from"))
                && habits.mounts
                && let Some(bytes) = self.blobs.get(&(from, mount.clone())).cloned()
            {
                self.blobs.insert((repository.to_owned(), mount), bytes);
                return Response::new(201);
            }
            self.begun += 1;
            let session = self.begun.to_string();
            self.uploads.insert(session.clone(), Vec::new());
            return Response::new(202).header("Location", &at(&session));
        }
        let Some(received) = self.uploads.get_mut(session) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        let range = |received: &[u8]| format!("0-{}", received.len().saturating_sub(1));
        if let Some(range) = request.header("content-range")
            && range.split('-').next().unwrap() != received.len().to_string()
        {
            return error(416, "BLOB_UPLOAD_INVALID");
        }
        received.extend_from_slice(&request.body);
        match request.method.as_str() {
            "PATCH" => Response::new(202).header("Location", &at(session)).header("Range", &range(received)),
            "PUT" => {
                let wanted = request.query("digest").unwrap();
                let received = self.uploads.remove(session).unwrap();
                if digest(&received) != wanted {
                    return error(400, "DIGEST_INVALID");
                }
                self.blobs.insert((repository.to_owned(), wanted), received);
                Response::new(201)
            }
            _ => Response::new(204).header("Location", &at(session)).header("Range", &range(received)),
        }
    }

    fn manifest(&mut self, habits: Habits, request: &Request, repository: &str, at: &str) -> Response {
        let key = |at: &str| (repository.to_owned(), at.to_owned());
        if request.method != "PUT" {
            return match self.manifests.get(&key(at)) {
                Some((kind, bytes)) => Response { body: bytes.clone(), ..Response::new(200) }
                    .header("Content-Type", kind)
                    .header("Docker-Content-Digest", &digest(bytes)),
                None => error(404, "MANIFEST_UNKNOWN"),
            };
        }
        let document: Value = serde_json::from_slice(&request.body).unwrap();
        let blobs = document["layers"].as_array().into_iter().flatten().chain(document.get("config"));
        let held = blobs.map(|blob| key(blob["digest"].as_str().unwrap()));
        if !held.into_iter().all(|blob| self.blobs.contains_key(&blob)) {
            return error(400, "MANIFEST_BLOB_UNKNOWN");
        }
        let mut below = document["manifests"].as_array().into_iter().flatten();
        if !below.all(|one| self.manifests.contains_key(&key(one["digest"].as_str().unwrap()))) {
            return error(400, "MANIFEST_UNKNOWN");
        }
        let kind = request.header("content-type").unwrap().to_owned();
        for at in [at, &digest(&request.body)] {
            self.manifests.insert(key(at), (kind.clone(), request.body.clone()));
        }
        let response = Response::new(201).header("Docker-Content-Digest", &digest(&request.body));
        match document["subject"]["digest"].as_str().filter(|_| habits.referrers) {
            Some(subject) => response.header("OCI-Subject", subject),
            None => response,
        }
    }

    fn referrers(&mut self, habits: Habits, _: &Request, repository: &str, subject: &str) -> Response {
        if !habits.referrers {
            return error(404, "UNSUPPORTED");
        }
        let manifests =
            self.manifests.iter().filter(|((path, at), _)| path == repository && at.contains(':'));
        let listed = manifests.filter_map(|((_, at), (kind, bytes))| {
            let document: Value = serde_json::from_slice(bytes).unwrap();
            (document["subject"]["digest"] == subject).then(|| {
                let mut listed = json!({
                    "mediaType": kind, "digest": at, "size": bytes.len(), "artifactType": document["artifactType"],
                });
                if document["annotations"].is_object() {
                    listed["annotations"] = document["annotations"].clone();
                }
                listed
            })
        });
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": listed.collect::<Vec<_>>() });
        Response { body: index.to_string().into_bytes(), ..Response::new(200) }.header("Content-Type", kind)
    }
}

/// Debian's `docker-registry`, which keeps what it has in a directory.
pub struct DockerRegistry {
    _daemon: Daemon,
    host: String,
}

impl DockerRegistry {
    /// Starts a registry; `more` is appended to its configuration.
    #[track_caller]
    pub fn start(directory: &Path, more: &str) -> Self {
        need("docker-registry", "docker-registry");
        let config = directory.join("registry.yml");
        let storage = directory.join("registry");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n{more}",
            storage.display()
        );
        fs::write(&config, text).unwrap();
        let daemon = Daemon::start(Command::new("docker-registry").arg("serve").arg(&config));
        let host = format!("localhost:{}", daemon.address.port());
        Self { _daemon: daemon, host }
    }

    /// `localhost:PORT`.
    pub fn host(&self) -> &str {
        &self.host
    }
}

//! An HTTP/1.1 server of a directory on the loopback, which remembers what it was asked and fails on demand.

mod authority;
mod fault;
mod tunnel;
mod wire;

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

pub use authority::{certificate, certificate_and_key};
pub use fault::Fault;
pub use tunnel::Tunnel;
pub use wire::{Request, Response};

use fault::{Faults, Outcome};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Serves until it is dropped.
pub struct Server {
    url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

/// What is answered where nothing fails.
type Site = Box<dyn Fn(&Request) -> Response + Send + Sync>;

struct Shared {
    site: Site,
    tls: Option<Arc<ServerConfig>>,
    faults: Mutex<Faults>,
    requests: Mutex<Vec<Request>>,
    stopping: AtomicBool,
}

impl Server {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::start(files(dir.into()), None)
    }

    /// A server of something other than files.
    pub fn of(site: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::start(Box::new(site), None)
    }

    /// A server of `https:`, whose certificate is by an [`authority`].
    pub fn secure(dir: impl Into<PathBuf>) -> Self {
        Self::start(files(dir.into()), Some(authority::server_config()))
    }

    fn start(site: Site, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            site,
            tls,
            faults: Mutex::default(),
            requests: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Self { url: format!("{scheme}://{address}"), address, shared, acceptor: Some(acceptor) }
    }

    /// `http://127.0.0.1:PORT` or `https://…`, without a final slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on, a path that fits the glob (`/debian/**/InRelease`, or `PUT /v2/**` for one method) fails so. Of
    /// faults that fit, the last one set counts.
    pub fn fail(&self, glob: &str, fault: Fault) {
        self.shared.faults.lock().unwrap().add(glob, fault, None);
    }

    /// Fails so many times, and then no longer.
    pub fn fail_times(&self, glob: &str, fault: Fault, times: usize) {
        self.shared.faults.lock().unwrap().add(glob, fault, Some(times));
    }

    pub fn heal(&self) {
        *self.shared.faults.lock().unwrap() = Faults::default();
    }

    /// What was asked since the last call, in the order of arrival.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.requests.lock().unwrap())
    }

    /// The paths that were asked for since the last call, each with its method, in order of arrival.
    pub fn take_paths(&self) -> Vec<String> {
        self.take_requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // The acceptor waits for a connection: this one ends it.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().unwrap();
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.is_stopping() {
                return;
            }
            if let Ok(stream) = stream {
                let shared = Arc::clone(self);
                // A client that goes away is its own affair.
                thread::spawn(move || shared.converse(stream).unwrap_or(()));
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.converse_over(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.converse_over(StreamOwned::new(connection, stream))
            }
        }
    }

    fn converse_over(&self, stream: impl Read + Write) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(mut request) = Request::read_head(&mut stream)? {
            if self.is_stopping() {
                return Ok(());
            }
            let fault = self.faults.lock().unwrap().strike(&request);
            let hears = if let Some(Fault::CutUpload(after)) = fault { after } else { u64::MAX };
            request.read_body(&mut stream, hears)?;
            if let Some(Fault::WrongUpload) = fault {
                request.body.iter_mut().for_each(|byte| *byte = !*byte);
            }
            let honest = (self.site)(&request);
            let is_head = request.method == "HEAD";
            let outcome = match fault {
                None => Outcome::Answer(honest),
                Some(fault) => fault.apply(&request, honest),
            };
            self.requests.lock().unwrap().push(request);
            match outcome {
                Outcome::Answer(response) => response.write(stream.get_mut(), is_head)?,
                Outcome::Cut(response, after) => {
                    let mut bytes = Vec::new();
                    response.write(&mut bytes, is_head)?;
                    let head = bytes.len() - response.body.len();
                    return stream.get_mut().write_all(&bytes[..(head + after).min(bytes.len())]);
                }
                Outcome::Silence => return Ok(()),
                Outcome::Hang => {
                    while !self.is_stopping() {
                        thread::sleep(Duration::from_millis(10));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn files(dir: PathBuf) -> Site {
    Box::new(move |request| answer(&dir, request))
}

/// The answer to a request by [RFC 9110]: conditions first, then ranges.
///
/// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110.html#section-13.2.2
fn answer(dir: &Path, request: &Request) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::page(405, "method not allowed");
    }
    let path = request.path.trim_start_matches('/');
    if path.split('/').any(|component| component == "..") {
        return Response::page(400, "bad path");
    }
    let Ok((body, modified)) = read(&dir.join(path)) else {
        return Response::page(404, "not found");
    };
    let etag = wire::etag(&body);
    let response = Response::new(200)
        .header("ETag", &etag)
        .header("Last-Modified", &wire::http_date(modified))
        .header("Accept-Ranges", "bytes");
    let unchanged = match (request.header("if-none-match"), request.header("if-modified-since")) {
        (Some(tags), _) => tags.split(',').any(|tag| tag.trim() == etag || tag.trim() == "*"),
        (None, Some(date)) => wire::parse_http_date(date).is_some_and(|since| modified <= since),
        (None, None) => false,
    };
    if unchanged {
        return Response { status: 304, ..response };
    }
    let may_range = request.header("if-range").is_none_or(|validator| {
        validator == etag || wire::parse_http_date(validator).is_some_and(|date| date == modified)
    });
    let len = body.len();
    match request.header("range").filter(|_| may_range).and_then(|range| wire::parse_range(range, len)) {
        None => Response { body, ..response },
        Some(Err(())) => {
            Response { status: 416, ..response }.header("Content-Range", &format!("bytes */{len}"))
        }
        Some(Ok(range)) => {
            let content_range = format!("bytes {}-{}/{len}", range.start, range.end - 1);
            let part = Response { status: 206, body: body[range].to_vec(), ..response };
            part.header("Content-Range", &content_range)
        }
    }
}

/// The content of a file and when it was modified, in whole seconds as HTTP has it.
fn read(file: &Path) -> io::Result<(Vec<u8>, SystemTime)> {
    let modified = fs::metadata(file)?.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Ok((fs::read(file)?, SystemTime::UNIX_EPOCH + Duration::from_secs(modified.as_secs())))
}

//! A web server for tests that misbehaves on demand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use reqwest::Url;

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// In lower case: `range: bytes=5-`.
    pub headers: Vec<String>,
}

/// Bytes as they go over the line, and what becomes of the connection then.
pub struct Answer {
    bytes: Vec<u8>,
    hang: bool,
}

pub struct Server {
    pub url: Url,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Answer {
    pub fn new(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        headers.iter().for_each(|header| head.extend([header, "\r\n"]));
        let bytes = [head.as_bytes(), b"\r\n", body.as_ref()].concat();
        Self { bytes, hang: false }
    }

    /// All of a body, with its length.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::ok_with(&[], body)
    }

    pub fn ok_with(headers: &[&str], body: impl AsRef<[u8]>) -> Self {
        let length = format!("Content-Length: {}", body.as_ref().len());
        Self::new("200 OK", &[headers, &[&length]].concat(), body)
    }

    pub fn status(status: &str) -> Self {
        Self::new(status, &["Content-Length: 0"], "")
    }

    /// The last bytes are never sent, and the line is closed.
    pub fn less(mut self, bytes: usize) -> Self {
        self.bytes.truncate(self.bytes.len() - bytes);
        self
    }

    /// The line stays open, and nothing more comes.
    pub fn then_hang(self) -> Self {
        Self { hang: true, ..self }
    }
}

impl Server {
    /// Serves by a function of the request and the number of those before it.
    pub fn start(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let requests = Arc::default();
        let (answer, seen) = (Arc::new(answer), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { url, requests }
    }

    /// A port that nobody listens on.
    pub fn absent() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap()
    }

    pub fn at(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.path).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&Request, usize) -> Answer + Send + Sync),
    seen: &Mutex<Vec<Request>>,
) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
    let Some(first) = lines.next() else { return };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let request = Request { method, path, headers: lines.map(|line| line.to_lowercase()).collect() };
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    let answer = answer(&request, number);
    // The client may be gone, which is its right.
    let _ = stream.write_all(&answer.bytes);
    if answer.hang {
        loop {
            thread::park();
        }
    }
}

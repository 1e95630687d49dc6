//! HTTP/1.1 as it goes over the wire: as much of [RFC 9112] as clients of an archive use.
//!
//! [RFC 9112]: https://www.rfc-editor.org/rfc/rfc9112.html

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _, Write};
use std::ops::Range;
use std::time::SystemTime;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    query: String,
    pub body: Vec<u8>,
    /// The server that a proxy is to ask: `example.org`.
    pub proxied: Option<String>,
    /// By names in lower case.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The next request of a connection, without its body; `None` where the connection ended.
    pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_ascii_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other("no request line"));
        };
        // A client that takes the server for a proxy sends the whole URL.
        let (proxied, target) = match target.strip_prefix("http://") {
            Some(rest) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(host.to_owned()), path)
            }
            None => (None, target),
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Self {
            method: method.to_owned(),
            path: percent_decode(path),
            query: query.to_owned(),
            body: Vec::new(),
            proxied,
            headers: BTreeMap::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Ok(Some(request))
    }

    /// Reads the body, or so many bytes of it.
    pub fn read_body(&mut self, reader: &mut impl BufRead, at_most: u64) -> io::Result<()> {
        let len: u64 = self.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
        reader.take(len.min(at_most)).read_to_end(&mut self.body).map(drop)
    }

    /// A parameter of the query, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| percent_decode(value)).next()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub fn page(status: u16, text: &str) -> Self {
        let body = format!("<!DOCTYPE html>\n<html><body><h1>{text}</h1></body></html>\n").into_bytes();
        Self { body, ..Self::new(status) }.header("Content-Type", "text/html; charset=utf-8")
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn write(&self, mut out: impl Write, is_head: bool) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if ![204, 304].contains(&self.status) {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        out.write_all(head.as_bytes())?;
        out.write_all(b"\r\n")?;
        if !is_head {
            out.write_all(&self.body)?;
        }
        out.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        206 => "Partial Content",
        302 => "Found",
        304 => "Not Modified",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

pub fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest[..8].iter().fold("\"".to_owned(), |tag, byte| format!("{tag}{byte:02x}")) + "\""
}

pub fn http_date(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap().strftime(HTTP_DATE).to_string()
}

pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    let time = jiff::civil::DateTime::strptime(HTTP_DATE, text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

/// The bytes of a file of this length that a `Range` header asks for: `None` where it is not a single
/// range of bytes, and so is ignored; an error where it lies outside the file.
pub fn parse_range(header: &str, len: usize) -> Option<Result<Range<usize>, ()>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..len.min(last + 1),
        (Ok(first), Err(_)) if last.is_empty() => first..len,
        (Err(_), Ok(suffix)) if first.is_empty() => len.saturating_sub(suffix)..len,
        _ => return None,
    };
    Some(if range.is_empty() { Err(()) } else { Ok(range) })
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| first == b'%').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

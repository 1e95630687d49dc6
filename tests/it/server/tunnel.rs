//! A proxy that does nothing but `CONNECT`, see [RFC 9110 §9.3.6], and remembers what it was told.
//!
//! [RFC 9110 §9.3.6]: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.6

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Its thread ends with the tests.
pub struct Tunnel {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tunnel {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::<Mutex<Vec<String>>>::default();
        thread::spawn({
            let heads = Arc::clone(&heads);
            move || {
                for stream in listener.incoming().flatten() {
                    let heads = Arc::clone(&heads);
                    thread::spawn(move || serve(stream, &heads).unwrap_or(()));
                }
            }
        });
        Self { url, heads }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked, each request with its headers.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).map(str::to_owned);
    heads.lock().unwrap().push(head);
    let Some(target) = target else { return client.write_all(b"HTTP/1.1 501 Not Implemented\r\n\r\n") };
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut back, mut from_server) = (client.try_clone()?, server.try_clone()?);
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut reader, &mut server);
    let _ = server.shutdown(Shutdown::Both);
    let _ = answers.join();
    Ok(())
}

//! As much of HTTP as it takes to set a server up and to ask how it is.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::shell::Outcome;

const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn open(to: SocketAddr) -> Outcome<Self> {
        let open = || {
            let stream = TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok::<_, std::io::Error>(stream)
        };
        open().map(|stream| Self(BufReader::new(stream))).map_err(|error| format!("{to}: {error}"))
    }

    /// Sends a request: the status and the body of its answer.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> Outcome<(u16, String)> {
        self.try_ask(method, path, body).map_err(|error| format!("{method} {path}: {error}"))
    }

    fn try_ask(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        let kind =
            if body.is_empty() { String::new() } else { format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()) };
        self.0.get_mut().write_all(format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{kind}\r\n{body}").as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let odd = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("no answer: {what:?}"));
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| odd(&line))?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| odd(value))?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, String::from_utf8(body).map_err(|_| odd("not UTF-8"))?))
    }
}

/// What a path shows, on a connection of its own.
pub(super) fn get(to: SocketAddr, path: &str) -> Outcome<String> {
    match Client::open(to)?.ask("GET", path, "")? {
        (200, body) => Ok(body),
        (status, body) => Err(format!("GET {path} was answered with {status}: {body}")),
    }
}

/// The same as JSON.
pub(super) fn json(to: SocketAddr, path: &str) -> Outcome<Value> {
    serde_json::from_str(&get(to, path)?).map_err(|error| format!("GET {path}: {error}"))
}

//! As much of HTTP/1.1 as these tests speak: a request for each connection, unless one says otherwise.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where requests are sent, and what stands before their paths.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
    pub(crate) base: String,
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Api {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, base: String::new() }
    }

    pub(crate) fn under(&self, base: &str) -> Self {
        Self { base: base.into(), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        match self.try_send(method, path, &[], body.as_bytes()) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// The rows of a collection, and that it has no more than are shown.
    #[track_caller]
    pub(crate) fn rows(&self, path: &str) -> Vec<Value> {
        let path = format!("{path}{}size=1000", if path.contains('?') { '&' } else { '?' });
        let answer = self.get(&path);
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        let body = answer.json();
        let rows = body["_embedded"].as_object().unwrap().values().next().unwrap().as_array().unwrap().clone();
        assert!(body["page"]["totalPages"].as_u64().unwrap() <= 1, "GET {path} has more than a page");
        rows
    }

    /// A request with headers of its own, on a connection of its own.
    pub(crate) fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        let mut head = format!("{method} {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.base, self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut stream = connect(self.address)?;
        // One that is refused early may be answered before all of it is sent.
        let sent = stream.write_all(&[head.as_bytes(), body].concat());
        read_answer(&mut BufReader::new(&mut stream), method).and_then(|answer| answer.ok_or(io::ErrorKind::UnexpectedEof.into())).or_else(
            |error| {
                sent?;
                Err(error)
            },
        )
    }
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The next line of a head, in which a value may have bytes that are no text; nothing at the end.
fn read_line(from: &mut BufReader<impl io::Read>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
}

/// The next answer on a connection; nothing when that is closed before the first byte of one.
pub(crate) fn read_answer(from: &mut BufReader<impl io::Read>, method: &str) -> io::Result<Option<Answer>> {
    let Some(line) = read_line(from)? else { return Ok(None) };
    let odd = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| odd(&line))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?.ok_or_else(|| odd("an answer breaks off within its head"))?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok(Some(answer));
    }
    if answer.header("content-type") == Some("text/event-stream") {
        // It has no end: whoever wants to read it does so themselves.
        return Ok(Some(answer));
    }
    let length = answer.header("content-length").ok_or_else(|| odd("an answer does not say how long it is"))?;
    answer.body = vec![0; length.parse().map_err(|_| odd(length))?];
    from.read_exact(&mut answer.body)?;
    Ok(Some(answer))
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("{error} in {} {}", self.status, String::from_utf8_lossy(&self.body)),
        }
    }

    /// The body, if the status is this.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem, if it has this status and code. That it is a whole problem is checked beside.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{body}");
        assert_eq!((&body["status"], &body["code"]), (&status.into(), &code.into()), "{body}");
        assert_eq!(body["type"], format!("/errors/{code}"), "{body}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        body
    }
}

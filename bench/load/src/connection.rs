//! A connection, with as much of HTTP/1.1 as answers to these requests have.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nobody waits for longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// As much of an answer as is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where a write stands, `Yeyak-Position`.
    pub(crate) position: Option<String>,
}

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads all of its answer.
    pub(crate) fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.stream.write_all(request.as_bytes())?;
        self.buffer.clear();
        let mut searched = 0;
        let head = loop {
            self.read()?;
            if let Some(end) = end_of_head(&self.buffer, searched) {
                break end;
            }
            searched = self.buffer.len().saturating_sub(3);
        };
        let (answer, length) = read_head(self.buffer.get(..head).unwrap_or_default())?;
        while self.buffer.len() < head + length {
            self.read()?;
        }
        Ok(answer)
    }

    fn read(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.buffer.extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }
}

/// Where the body begins.
fn end_of_head(answer: &[u8], from: usize) -> Option<usize> {
    answer.get(from..)?.windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

/// What a head says, and how long the body behind it is.
fn read_head(head: &[u8]) -> io::Result<(Answer, usize)> {
    let odd = || io::Error::new(ErrorKind::InvalidData, "an answer is none");
    let text = std::str::from_utf8(head).map_err(|_| odd())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).ok_or_else(odd)?;
    let (mut length, mut position) = (None, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("yeyak-position") {
            position = Some(value.trim().to_owned());
        }
    }
    Ok((Answer { status, position }, length.ok_or_else(odd)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_its_body_is() {
        let text = b"HTTP/1.1 201 Created\r\ncontent-length: 12\r\nyeyak-position: reserve:1.3.42\r\n\r\n{\"id\":1}";
        let head = end_of_head(text, 0).unwrap();
        assert_eq!(&text[head..], b"{\"id\":1}");
        let position = Some("reserve:1.3.42".to_owned());
        assert_eq!(read_head(&text[..head]).unwrap(), (Answer { status: 201, position }, 12));
    }

    #[test]
    fn what_does_not_say_how_long_it_is_is_no_answer() {
        for head in ["HTTP/1.1 200 OK\r\n\r\n", "nonsense\r\n\r\n", "\r\n\r\n"] {
            assert!(read_head(head.as_bytes()).is_err(), "{head}");
        }
        assert_eq!(end_of_head(b"HTTP/1.1 200 OK\r\n", 0), None);
    }
}

//! What ends Yeyak, said in one clear line; and the one place that prints.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;

use crate::config::Problem;
use crate::data_dir::DataDirError;

/// Why Yeyak does not start, or cannot go on. Shown as one line; settings, as one line for each that is wrong.
#[derive(Debug)]
pub(crate) enum Fatal {
    /// The command line is wrong.
    Usage(String),
    /// What was said in the file, the environment or by flags is wrong.
    Settings(Vec<Problem>),
    /// The data directory cannot be used.
    Data(DataDirError),
    /// An address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Something could not be looked at, which says nothing of whether it is sound.
    Unable(String),
    /// Anything else.
    Failed(String),
}

impl Fatal {
    /// The code Yeyak ends with: 2 when it was told something wrong or could not look, 1 for the rest.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Settings(_) | Self::Unable(_) => 2,
            Self::Data(_) | Self::Listen { .. } | Self::Failed(_) => 1,
        }
    }

    /// Prints it to stderr, each line as `yeyak: …`, and gives the code to end with.
    pub(crate) fn report(&self) -> ExitCode {
        let text: String = self.to_string().lines().map(|line| format!("yeyak: {line}\n")).collect();
        // Nobody may be listening; the code tells as well.
        _ = io::stderr().lock().write_all(text.as_bytes());
        ExitCode::from(self.code())
    }
}

/// Prints to stdout. That nobody listens any more, as in `yeyak … | head`, is no failure.
///
/// # Errors
/// [`Fatal::Failed`] when it cannot be written, as on a disk that is full: half of an answer is not to pass for all of it.
pub(crate) fn print(text: &str) -> Result<(), Fatal> {
    let mut out = io::stdout().lock();
    let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Fatal::Failed(format!("cannot print: {error}"))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Says something on stderr beside what is printed.
pub(crate) fn say(text: &str) {
    // Nobody may be listening.
    _ = writeln!(io::stderr().lock(), "{}", one_line(text));
}

/// How far something is that takes long, on stderr: one line that changes on a terminal, else a line for each tenth.
pub(crate) struct Shown {
    what: String,
    is_terminal: bool,
    /// The last percentage that was shown.
    last: Option<u64>,
}

impl Shown {
    /// Of this, which has not begun yet.
    pub(crate) fn of(what: &str) -> Self {
        Self { what: one_line(what), is_terminal: io::stderr().is_terminal(), last: None }
    }

    /// It is so far; the last of `total` ends the line.
    pub(crate) fn progress(&mut self, done: u64, total: u64) {
        // Before anything is known there is nothing to show.
        let Some(percent) = done.saturating_mul(100).checked_div(total) else { return };
        let step = if self.is_terminal { 1 } else { 10 };
        let news = self.last.is_none_or(|last| percent / step != last / step);
        if news {
            self.last = Some(percent);
            let (before, after) = if self.is_terminal { ("\r", "") } else { ("", "\n") };
            // Nobody may be listening.
            _ = write!(io::stderr().lock(), "{before}{}: {percent} % ({done} of {total}){after}", self.what);
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.is_terminal && self.last.is_some() {
            _ = writeln!(io::stderr().lock());
        }
    }
}

/// A text in one line, whatever a file was named.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().flat_map(|letter| if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }).collect()
}

impl fmt::Display for Fatal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match self {
            Self::Settings(problems) => {
                for (at, problem) in problems.iter().enumerate() {
                    write!(out, "{}{}", if at == 0 { "" } else { "\n" }, one_line(&problem.to_string()))?;
                }
                return Ok(());
            }
            Self::Usage(message) | Self::Unable(message) | Self::Failed(message) => message.clone(),
            Self::Data(error) => error.to_string(),
            Self::Listen { address, source } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    format!(
                        "cannot listen on {address}: the port is taken by another program; end it, or choose another port with --listen"
                    )
                }
                io::ErrorKind::PermissionDenied => {
                    format!("cannot listen on {address}: this user may not; choose a port above 1023 with --listen")
                }
                io::ErrorKind::AddrNotAvailable => format!("cannot listen on {address}: this machine has no such address"),
                _ => format!("cannot listen on {address}: {source}"),
            },
        };
        out.write_str(&one_line(&line))
    }
}

impl std::error::Error for Fatal {}

impl From<DataDirError> for Fatal {
    fn from(error: DataDirError) -> Self {
        Self::Data(error)
    }
}

impl From<Vec<Problem>> for Fatal {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Settings(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fatal: &Fatal, line: &str, code: u8) {
        assert_eq!((fatal.to_string().as_str(), fatal.code()), (line, code));
    }

    #[test]
    fn each_is_one_line() {
        check(&Fatal::Usage("what?".into()), "what?", 2);
        check(&Fatal::Failed("a\nb\u{1b}[31m".into()), r"a\nb\u{1b}[31m", 1);
        check(&Fatal::Failed("회의실 “3” – taken".into()), "회의실 “3” – taken", 1);
    }

    #[test]
    fn an_address_that_cannot_be_listened_on_is_named_with_a_way_out() {
        let listen = |kind: io::ErrorKind| Fatal::Listen { address: ([127, 0, 0, 1], 8088).into(), source: kind.into() };
        check(
            &listen(io::ErrorKind::AddrInUse),
            "cannot listen on 127.0.0.1:8088: the port is taken by another program; end it, or choose another port with --listen",
            1,
        );
        check(
            &listen(io::ErrorKind::PermissionDenied),
            "cannot listen on 127.0.0.1:8088: this user may not; choose a port above 1023 with --listen",
            1,
        );
        check(&listen(io::ErrorKind::AddrNotAvailable), "cannot listen on 127.0.0.1:8088: this machine has no such address", 1);
        check(&listen(io::ErrorKind::OutOfMemory), "cannot listen on 127.0.0.1:8088: out of memory", 1);
    }
}

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use kernel::misread;

use super::book::{Book, Entry};

/// The file to which entries are appended, one JSON object a line.
pub(super) struct Journal {
    file: File,
    /// How long it is, in bytes, up to the last whole line.
    len: u64,
    /// Whether more than that may stand in it, of a line that could not be written.
    is_torn: bool,
}

/// Why the test provider's book cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// The file cannot be read or written.
    #[error("the test provider's book cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// It has a line that is no entry.
    #[error("line {line} of the test provider's book cannot be read: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

impl Journal {
    /// Opens the file at this path, and tells what stands in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Book), NotOpened> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        // Whoever was killed in the middle of a line had not answered; the next line must not be stuck to it.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
        let mut book = Book::default();
        for (index, line) in bytes[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let entry = serde_json::from_slice(line).map_err(|error| NotOpened::Line { line: index + 1, why: misread(&error) })?;
            book.take(entry);
        }
        Ok((Self { file, len: whole as u64, is_torn: false }, book))
    }

    /// Appends an entry, by one write. After an error it does not stand there, nor will it.
    pub(super) fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if self.is_torn {
            self.file.set_len(self.len)?;
        }
        self.is_torn = true;
        self.file.write_all(&line)?;
        self.is_torn = false;
        self.len += line.len() as u64;
        Ok(())
    }
}

//! Tensor files taken in pieces: each tensor is handed out as soon as its last byte is in. At no time is more held than
//! the header or one tensor, besides the piece at hand.

use crate::error::Result;

/// What stands before the tensors, and where each of them lies.
pub trait Directory: Sized {
    /// A tensor's entry.
    type Entry;

    /// The directory at the start of `bytes`, `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if this can never become a directory.
    fn parse(bytes: &[u8]) -> Result<Option<Self>>;

    /// Where the tensors begin in the file.
    fn data_start(&self) -> usize;

    /// The entries by position in the file.
    fn entries(&self) -> &[Self::Entry];

    /// An entry's first byte, counted from [`Directory::data_start`], and its length.
    fn span(entry: &Self::Entry) -> (usize, usize);
}

/// A file that is being read.
pub struct Reader<D> {
    pending: Vec<u8>,
    directory: Option<D>,
    position: usize,
    next: usize,
}

impl<D: Directory> Default for Reader<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Directory> Reader<D> {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new() -> Self {
        Self { pending: Vec::new(), directory: None, position: 0, next: 0 }
    }

    /// The directory, once it is complete.
    #[must_use]
    pub fn header(&self) -> Option<&D> {
        self.directory.as_ref()
    }

    /// Whether every tensor was handed out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.directory.as_ref().is_some_and(|d| self.next == d.entries().len())
    }

    /// Takes the next bytes of the file; `sink` receives the directory and every tensor that became complete.
    ///
    /// # Errors
    /// What [`Directory::parse`] or `sink` returns.
    pub fn push(&mut self, piece: &[u8], mut sink: impl FnMut(&D, &D::Entry, &[u8]) -> Result<()>) -> Result<()> {
        let rest;
        let mut bytes = piece;
        if self.directory.is_none() {
            self.pending.extend_from_slice(piece);
            match D::parse(&self.pending)? {
                Some(directory) if self.pending.len() >= directory.data_start() => {
                    self.position = directory.data_start();
                    rest = self.pending.split_off(self.position);
                    bytes = &rest;
                    self.pending = Vec::new();
                    self.directory = Some(directory);
                }
                _ => return Ok(()),
            }
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        while let Some(entry) = directory.entries().get(self.next) {
            let (offset, size) = D::span(entry);
            let start = directory.data_start() + offset;
            if self.pending.is_empty() {
                let gap = start.saturating_sub(self.position).min(bytes.len());
                self.position += gap;
                bytes = &bytes[gap..];
                if self.position < start {
                    return Ok(());
                }
                if let Some((tensor, after)) = bytes.split_at_checked(size) {
                    sink(directory, entry, tensor)?;
                    bytes = after;
                    self.position += size;
                    self.next += 1;
                    continue;
                }
            }
            let take = (size - self.pending.len()).min(bytes.len());
            self.pending.extend_from_slice(&bytes[..take]);
            self.position += take;
            bytes = &bytes[take..];
            if self.pending.len() < size {
                return Ok(());
            }
            sink(directory, entry, &self.pending)?;
            self.pending = Vec::new();
            self.next += 1;
        }
        Ok(())
    }
}

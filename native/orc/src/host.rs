//! What the host does for us: it lends bytes of its file and is told why an instance ends.

use bytes::Bytes;
use orc_rust::reader::ChunkReader;
use std::io::{Error, Read, Result};

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Puts up to `length` bytes of the file, from `position` on, at `to`; how many they were, or -1 where it failed.
    fn host_read(position: f64, to: *mut u8, length: usize) -> i32;
    fn host_panic(text: *const u8, length: usize);
}

/// A panic message is all that tells what was wrong with a file that the reader did not expect.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("it met something that it did not expect");
        unsafe { host_panic(text.as_ptr(), text.len()) }
    }));
}

#[derive(Clone)]
pub struct HostFile {
    length: u64,
    /// Bytes that stand for the end of the file, and where they begin.
    end: Option<(u64, Bytes)>,
}

impl HostFile {
    pub fn new(length: u64) -> Self {
        Self { length, end: None }
    }

    pub fn with_end(self, (start, bytes): (u64, Bytes)) -> Self {
        Self { length: start + bytes.len() as u64, end: Some((start, bytes)) }
    }
}

impl ChunkReader for HostFile {
    type T = HostReader;

    fn len(&self) -> u64 {
        self.length
    }

    fn get_read(&self, position: u64) -> Result<HostReader> {
        Ok(HostReader { position, end: self.end.clone() })
    }

    /// Lengths come out of the file: one that it cannot have must not become memory.
    fn get_bytes(&self, position: u64, length: u64) -> Result<Bytes> {
        if position.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(Error::other("it names bytes that are beyond its end"));
        }
        let mut bytes = vec![0; length as usize];
        self.get_read(position)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

pub struct HostReader {
    position: u64,
    end: Option<(u64, Bytes)>,
}

impl Read for HostReader {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let mut length = to.len();
        if let Some((start, bytes)) = &self.end {
            if self.position >= *start {
                let from = bytes.len().min((self.position - start) as usize);
                let read = length.min(bytes.len() - from);
                to[..read].copy_from_slice(&bytes[from..from + read]);
                self.position += read as u64;
                return Ok(read);
            }
            length = length.min((start - self.position) as usize);
        }
        let read = unsafe { host_read(self.position as f64, to.as_mut_ptr(), length) };
        let read = usize::try_from(read).map_err(|_| Error::other("it could not be read"))?;
        self.position += read as u64;
        Ok(read)
    }
}

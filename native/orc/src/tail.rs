//! The last bytes of a file. What orc-rust asks of a postscript and old writers left out is put in; what it would read
//! wrongly is refused.

use crate::host::HostFile;
use bytes::Bytes;
use orc_rust::compression::{Compression, Decompressor};
use orc_rust::proto::r#type::Kind;
use orc_rust::proto::{Footer, PostScript, Type};
use orc_rust::reader::ChunkReader;
use prost::Message;
use std::io::{Error, Read, Result};

/// Hive 0.11 wrote decimals of any precision, each with its scale; this is what Hive and ORC's own readers make of them.
const HIVE_11_PRECISION: u32 = 38;
const HIVE_11_SCALE: u32 = 18;

/// What writers put down that try out version 2, which was never released; its decimals differ (orc-rust.patch).
const UNSTABLE_2: [u32; 2] = [1, 9999];

pub struct Tail {
    postscript: PostScript,
    /// Where the postscript begins in the file.
    position: u64,
}

impl Tail {
    pub fn read(file: &HostFile) -> Result<Self> {
        let cut_off = || Error::other("it does not end as an ORC file: it may be cut off");
        let last = file.len().checked_sub(1).ok_or_else(cut_off)?;
        let length = file.get_bytes(last, 1)?[0].into();
        let position = last.checked_sub(length).ok_or_else(cut_off)?;
        let postscript = PostScript::decode(file.get_bytes(position, length)?).map_err(|_| cut_off())?;
        let magic = postscript.magic.as_deref();
        if postscript.footer_length.is_none() || magic.is_some_and(|magic| magic != "ORC") {
            return Err(cut_off());
        }
        if postscript.version.first().is_some_and(|major| *major > 0) && postscript.version != UNSTABLE_2 {
            let version = postscript.version.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            return Err(Error::other(format!("its version of the format, {version}, is not known; write it as 0.12")));
        }
        Ok(Self { postscript, position })
    }

    /// What stands for the end of the file from a position on: writers before Hive 0.12 had no metadata to tell of.
    pub fn completed(&self) -> Option<(u64, Bytes)> {
        if self.postscript.metadata_length.is_some() {
            return None;
        }
        let mut bytes = PostScript { metadata_length: Some(0), ..self.postscript.clone() }.encode_to_vec();
        bytes.push(u8::try_from(bytes.len()).ok()?);
        Some((self.position, bytes.into()))
    }

    /// The end with a footer whose decimals have a precision; none where the file's own is one.
    pub fn repaired(&self, file: &HostFile, compression: Option<Compression>) -> Result<Option<(u64, Bytes)>> {
        let length = self.postscript.footer_length();
        let start = self.position.checked_sub(length).ok_or_else(|| Error::other("its footer is longer than it"))?;
        let mut packed = Vec::new();
        Decompressor::new(file.get_bytes(start, length)?, compression, Vec::new()).read_to_end(&mut packed)?;
        let mut footer = Footer::decode(packed.as_slice()).map_err(Error::other)?;
        // Readers without the key get other values than were written.
        if footer.encryption.is_some() {
            return Err(Error::other("columns of it are encrypted; write it without encryption"));
        }
        let is_loose = |found: &&mut Type| found.kind() == Kind::Decimal && found.precision() == 0;
        let loose = footer.types.iter_mut().filter(is_loose).map(|found| {
            found.precision = Some(HIVE_11_PRECISION);
            found.scale = Some(HIVE_11_SCALE);
        });
        if loose.count() == 0 {
            return Ok(None);
        }
        let footer = footer.encode_to_vec();
        let mut bytes = Vec::new();
        if compression.is_some() {
            // The header of a chunk that is not packed: its length and a bit.
            let header = ((footer.len() as u32) << 1) | 1;
            bytes.extend_from_slice(&header.to_le_bytes()[..3]);
        }
        bytes.extend_from_slice(&footer);
        let postscript = PostScript {
            footer_length: Some(bytes.len() as u64),
            metadata_length: Some(self.postscript.metadata_length()),
            ..self.postscript.clone()
        };
        let postscript = postscript.encode_to_vec();
        bytes.extend_from_slice(&postscript);
        bytes.push(postscript.len() as u8);
        Ok(Some((start, bytes.into())))
    }
}

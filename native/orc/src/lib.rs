//! Rows of ORC files as JSON. The host has the file and lends its bytes (`host_read`); an instance reads one file.
//!
//! `open(length)` leaves the names of the columns as a JSON list; then each `next()` leaves some rows, a line for each, with
//! the JSON of its values between U+001F, which JSON never has, until it answers 0. What they leave, or what is wrong, is
//! where `text()` and `text_length()` say until the next call. A panic ends the instance: `host_panic` is told why before.

mod host;
mod json;
mod tail;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, UnionFields};
use arrow::error::ArrowError;
use host::HostFile;
use orc_rust::{ArrowReader, ArrowReaderBuilder};
use std::cell::RefCell;
use std::error::Error;
use std::sync::Arc;
use tail::Tail;

const ROWS_PER_CALL: usize = 1024;

const END: i32 = 0;
const OK: i32 = 1;
const FAILED: i32 = -1;

thread_local! {
    static FILE: RefCell<Option<OpenFile>> = const { RefCell::new(None) };
    static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OpenFile {
    reader: ArrowReader<HostFile>,
    /// Not the one of the rows, which has lost what its columns are.
    schema: Arc<Schema>,
}

/// A length as f64: hosts of JavaScript have no other number that holds one.
#[unsafe(no_mangle)]
pub extern "C" fn open(length: f64) -> i32 {
    host::tell_panics();
    match open_file(HostFile::new(length as u64)) {
        Ok(opened) => {
            TEXT.with_borrow_mut(|text| {
                text.clear();
                json::write_names(text, opened.schema.fields());
            });
            FILE.with_borrow_mut(|file| *file = Some(opened));
            OK
        }
        Err(error) => failed(&error),
    }
}

fn open_file(file: HostFile) -> Result<OpenFile, Box<dyn Error>> {
    let tail = Tail::read(&file)?;
    let completed = match tail.completed() {
        Some(end) => file.clone().with_end(end),
        None => file.clone(),
    };
    let mut builder = ArrowReaderBuilder::try_new(completed)?;
    if let Some(end) = tail.repaired(&file, builder.file_metadata().compression())? {
        builder = ArrowReaderBuilder::try_new(file.with_end(end))?;
    }
    let schema = exact_schema(&builder.schema());
    let reader = builder.with_schema(schema.clone()).with_batch_size(ROWS_PER_CALL).build();
    Ok(OpenFile { reader, schema })
}

#[unsafe(no_mangle)]
pub extern "C" fn next() -> i32 {
    FILE.with_borrow_mut(|file| {
        let Some(OpenFile { reader, schema }) = file else {
            return END;
        };
        match reader.next() {
            None => END,
            Some(Err(error)) => failed(&error),
            Some(Ok(rows)) => match TEXT.with_borrow_mut(|text| write_lines(text, schema, &rows)) {
                Ok(()) => OK,
                Err(error) => failed(&error),
            },
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn text() -> *const u8 {
    TEXT.with_borrow(|text| text.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn text_length() -> usize {
    TEXT.with_borrow(Vec::len)
}

fn failed(error: &dyn std::fmt::Display) -> i32 {
    TEXT.with_borrow_mut(|text| *text = error.to_string().into_bytes());
    FAILED
}

fn write_lines(text: &mut Vec<u8>, schema: &Schema, rows: &RecordBatch) -> Result<(), ArrowError> {
    text.clear();
    for row in 0..rows.num_rows() {
        json::write_row(text, schema.fields(), rows.columns(), row)?;
    }
    Ok(())
}

/// Times as whole nanoseconds in 128 bits: as Arrow's own times, those before 1677 and after 2262 would become null.
fn exact_schema(schema: &Schema) -> Arc<Schema> {
    Arc::new(Schema::new(schema.fields().iter().map(exact_field).collect::<Vec<_>>()))
}

fn exact_field(field: &FieldRef) -> FieldRef {
    let exact = Field::new(field.name(), exact_type(field.data_type()), field.is_nullable());
    let zone = match field.data_type() {
        DataType::Timestamp(_, Some(_)) => json::INSTANT,
        DataType::Timestamp(_, None) => json::TIMESTAMP,
        _ => return Arc::new(exact),
    };
    Arc::new(exact.with_metadata([(json::TIME.to_owned(), zone.to_owned())].into()))
}

fn exact_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(_, _) => DataType::Decimal128(38, 9),
        DataType::List(item) => DataType::List(exact_field(item)),
        DataType::Map(entries, sorted) => DataType::Map(exact_field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(exact_field).collect::<Fields>()),
        DataType::Union(variants, mode) => DataType::Union(
            variants.iter().map(|(id, field)| (id, exact_field(field))).collect::<UnionFields>(),
            *mode,
        ),
        other => other.clone(),
    }
}

//! Values as JSON that loses nothing: integers of 64 bits and decimals are texts, bytes are base64, times are ISO 8601.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::*;
use arrow::error::ArrowError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike, NaiveDate};
use std::io::Write;

/// The key of a field's metadata that says that its decimals are nanoseconds since 1970, and of what.
pub const TIME: &str = "time";
pub const TIMESTAMP: &str = "timestamp";
pub const INSTANT: &str = "instant";

const NANOS: i128 = 1_000_000_000;
const DAY_SECONDS: i128 = 86_400;
/// 1970-01-01 in days since 0000-12-31.
const EPOCH_DAY: i64 = 719_163;

type Written = Result<(), ArrowError>;

/// Between the values of a row.
const SEPARATOR: u8 = 0x1f;

pub fn write_names(text: &mut Vec<u8>, fields: &Fields) {
    text.push(b'[');
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_text(text, field.name());
    }
    text.push(b']');
}

pub fn write_row(text: &mut Vec<u8>, fields: &Fields, columns: &[ArrayRef], row: usize) -> Written {
    for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
        if index > 0 {
            text.push(SEPARATOR);
        }
        write_value(text, field, column, row)?;
    }
    text.push(b'\n');
    Ok(())
}

fn write_members(text: &mut Vec<u8>, fields: &Fields, columns: &[ArrayRef], row: usize) -> Written {
    text.push(b'{');
    for (index, (field, column)) in fields.iter().zip(columns).enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_text(text, field.name());
        text.push(b':');
        write_value(text, field, column, row)?;
    }
    text.push(b'}');
    Ok(())
}

fn write_value(text: &mut Vec<u8>, field: &Field, array: &ArrayRef, row: usize) -> Written {
    if array.is_null(row) {
        text.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => write!(text, "{}", array.as_boolean().value(row))?,
        DataType::Int8 => write!(text, "{}", array.as_primitive::<Int8Type>().value(row))?,
        DataType::Int16 => write!(text, "{}", array.as_primitive::<Int16Type>().value(row))?,
        DataType::Int32 => write!(text, "{}", array.as_primitive::<Int32Type>().value(row))?,
        DataType::Int64 => write!(text, "\"{}\"", array.as_primitive::<Int64Type>().value(row))?,
        DataType::Float32 => write_float(text, array.as_primitive::<Float32Type>().value(row))?,
        DataType::Float64 => write_float(text, array.as_primitive::<Float64Type>().value(row))?,
        DataType::Utf8 => write_text(text, array.as_string::<i32>().value(row)),
        DataType::Binary => write!(text, "\"{}\"", STANDARD.encode(array.as_binary::<i32>().value(row)))?,
        DataType::Date32 => {
            text.push(b'"');
            write_date(text, array.as_primitive::<Date32Type>().value(row).into())?;
            text.push(b'"');
        }
        DataType::Decimal128(_, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            match field.metadata().get(TIME) {
                Some(kind) => write_time(text, value, kind == INSTANT)?,
                None => write_decimal(text, value, (*scale).max(0) as usize)?,
            }
        }
        _ => return write_nested(text, field, array, row),
    }
    Ok(())
}

fn write_nested(text: &mut Vec<u8>, field: &Field, array: &ArrayRef, row: usize) -> Written {
    match field.data_type() {
        DataType::List(item) => write_list(text, item, &array.as_list::<i32>().value(row)),
        DataType::Struct(fields) => write_members(text, fields, array.as_struct().columns(), row),
        DataType::Map(entries, _) => {
            let DataType::Struct(parts) = entries.data_type() else {
                return Err(unknown(field));
            };
            let map = array.as_map().value(row);
            write_map(text, parts, map.columns())
        }
        // The value without its tag: a record has no other way to hold either of two things.
        DataType::Union(variants, _) => {
            let union = array.as_union();
            let tag = union.type_id(row);
            let variant = variants.iter().find(|(id, _)| *id == tag).ok_or_else(|| unknown(field))?;
            write_value(text, variant.1, union.child(tag), row)
        }
        _ => Err(unknown(field)),
    }
}

fn unknown(field: &Field) -> ArrowError {
    ArrowError::NotYetImplemented(format!("column {} has a type that is not known: {}", field.name(), field.data_type()))
}

fn write_list(text: &mut Vec<u8>, item: &Field, values: &ArrayRef) -> Written {
    text.push(b'[');
    for index in 0..values.len() {
        if index > 0 {
            text.push(b',');
        }
        write_value(text, item, values, index)?;
    }
    text.push(b']');
    Ok(())
}

/// Keys are texts in JSON whatever their type.
fn write_map(text: &mut Vec<u8>, parts: &Fields, columns: &[ArrayRef]) -> Written {
    text.push(b'{');
    for index in 0..columns[0].len() {
        if index > 0 {
            text.push(b',');
        }
        let start = text.len();
        write_value(text, &parts[0], &columns[0], index)?;
        if text[start] != b'"' {
            text.insert(start, b'"');
            text.push(b'"');
        }
        text.push(b':');
        write_value(text, &parts[1], &columns[1], index)?;
    }
    text.push(b'}');
    Ok(())
}

fn write_float<T: std::fmt::Debug + Into<f64> + Copy>(text: &mut Vec<u8>, value: T) -> std::io::Result<()> {
    let wide: f64 = value.into();
    if wide.is_nan() {
        write!(text, "\"NaN\"")
    } else if wide.is_infinite() {
        write!(text, "\"{}Infinity\"", if wide < 0.0 { "-" } else { "" })
    } else {
        // The fewest digits that are this value and no other.
        write!(text, "{value:?}")
    }
}

fn write_decimal(text: &mut Vec<u8>, value: i128, scale: usize) -> std::io::Result<()> {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    write!(text, "\"{sign}{whole}{point}{fraction}\"")
}

fn write_time(text: &mut Vec<u8>, nanos: i128, is_instant: bool) -> Written {
    let seconds = nanos.div_euclid(NANOS);
    text.push(b'"');
    write_date(text, seconds.div_euclid(DAY_SECONDS) as i64)?;
    let second = seconds.rem_euclid(DAY_SECONDS);
    write!(text, "T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
    let fraction = format!("{:09}", nanos.rem_euclid(NANOS));
    let kept = fraction.trim_end_matches('0');
    if !kept.is_empty() {
        write!(text, ".{kept}")?;
    }
    text.extend_from_slice(if is_instant { b"Z\"" } else { b"\"" });
    Ok(())
}

/// Years before 1 and after 9999 are written as they are: the stream says of them that it has no place for them.
fn write_date(text: &mut Vec<u8>, day: i64) -> Written {
    let date = i32::try_from(day + EPOCH_DAY).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
    let Some(date) = date else {
        return Err(ArrowError::InvalidArgumentError(format!("day {day} since 1970 is no date")));
    };
    write!(text, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())?;
    Ok(())
}

fn write_text(text: &mut Vec<u8>, value: &str) {
    text.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' => text.extend_from_slice(b"\\\""),
            b'\\' => text.extend_from_slice(b"\\\\"),
            0..=31 => text.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
}

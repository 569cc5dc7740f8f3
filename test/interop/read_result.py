"""Reads a result of SQL as Arrow stream or Parquet with pyarrow; prints its schema, then each row as JSON has it.

Usage: read_result.py FILE arrow|parquet
"""

import base64
import json
import math
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet

path, form = sys.argv[1:]


def table():
    if form == "parquet":
        return pa.parquet.read_table(path)
    with pa.OSFile(path, "rb") as source:
        read = pa.ipc.open_stream(source).read_all()
    read.validate(full=True)
    return read


def number(value):
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def moment(value):
    text = value.isoformat()
    return text.rstrip("0") if "." in text else text


def plain(value, kind):
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [plain(item, kind.value_type) for item in value]
    if pa.types.is_map(kind):
        return {str(plain(key, kind.key_type)): plain(item, kind.item_type) for key, item in value}
    if pa.types.is_struct(kind):
        return {part.name: plain(value[part.name], part.type) for part in kind}
    if pa.types.is_floating(kind):
        return number(value)
    if pa.types.is_int64(kind) or pa.types.is_uint64(kind):
        return str(value)
    if pa.types.is_decimal(kind):
        return format(value, "f")
    if pa.types.is_timestamp(kind):
        return moment(value.replace(tzinfo=None)) + ("Z" if kind.tz else "")
    if pa.types.is_binary(kind):
        return base64.b64encode(value).decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    if pa.types.is_time(kind):
        return moment(value)
    if pa.types.is_date(kind):
        return value.isoformat()
    return value


read = table()
print(json.dumps({field.name: str(field.type) for field in read.schema}))
columns = [(column.to_pylist(), column.type) for column in read.columns]
for row in range(read.num_rows):
    print(json.dumps([plain(values[row], kind) for values, kind in columns]))

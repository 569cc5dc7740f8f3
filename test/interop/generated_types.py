"""Reads Iceberg tables with PyIceberg and holds the bounds of each data file against its values; prints JSON.

usage: generated_types.py FOLDER…

Per table: its rows as read_table.py shows them, the ids of columns, the paths of files, how many bounds were
looked at, and those that a value lies outside of, compared as the Iceberg specification orders values.
"""

import datetime
import json
import struct
import sys
import uuid

import pyarrow.parquet
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions.literals import literal
from pyiceberg.types import ListType, MapType, StructType
from read_table import current_table, ids, rows_of


def leaves(field_id, type_, value, found):
    if value is None:
        return
    if isinstance(type_, StructType):
        for field in type_.fields:
            leaves(field.field_id, field.field_type, value[field.name], found)
    elif isinstance(type_, ListType):
        for item in value:
            leaves(type_.element_id, type_.element_type, item, found)
    elif isinstance(type_, MapType):
        for key, item in value:
            leaves(type_.key_id, type_.key_type, key, found)
            leaves(type_.value_id, type_.value_type, item, found)
    else:
        found.setdefault(field_id, (type_, []))[1].append(value)


def ordered(value):
    """A form that Python orders as the specification does."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return literal(value).value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, float):
        bits = struct.unpack(">q", struct.pack(">d", value))[0]
        return bits if bits >= 0 else -(bits & (2**63 - 1)) - 1
    return value


def bounds_of(table, task):
    schema = table.schema()
    found = {}
    for row in pyarrow.parquet.ParquetFile(task.file.file_path).read().to_pylist():
        for field in schema.fields:
            leaves(field.field_id, field.field_type, row[field.name], found)
    for field_id, (type_, values) in found.items():
        kept = [ordered(value) for value in values if value == value]
        for bounds, is_wrong in ((task.file.lower_bounds, min), (task.file.upper_bounds, max)):
            if field_id not in (bounds or {}) or not kept:
                continue
            bound = ordered(from_bytes(type_, bounds[field_id]))
            most = is_wrong(kept)
            yield (field_id, str(type_), bound <= most if is_wrong is min else bound >= most, repr(bound)[:80], repr(most)[:80])


def answer(folder):
    table = current_table(folder)
    schema = table.schema()
    tasks = list(table.scan().plan_files())
    bounds = [bound for task in tasks for bound in bounds_of(table, task)]
    return {
        "rows": rows_of(schema, table.scan()),
        "ids": ids(schema.as_struct(), ""),
        "paths": [task.file.file_path for task in tasks],
        "bounds": len(bounds),
        "wrong": [bound for bound in bounds if not bound[2]],
    }


print(json.dumps([answer(folder) for folder in sys.argv[1:]]))

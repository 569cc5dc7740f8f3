"""Reads the Iceberg table in a folder with PyIceberg and prints it as JSON.

usage: read_table.py FOLDER [FILTER…]
       read_table.py FOLDER --schema
       read_table.py FOLDER --each-value

A value is written as the product's SQL answers write it: long and decimal as text, times ISO 8601,
bytes base64, NaN and infinities text. Each FILTER is planned and read besides. With --each-value,
every value of every column is looked for by a filter of its own: what is found wrong is printed.
With --schema no rows are read.
"""

import base64
import datetime
import decimal
import json
import math
import pathlib
import sys
import uuid

import pyarrow.parquet
from pyiceberg.expressions import EqualTo, IsNull
from pyiceberg.table import StaticTable
from pyiceberg.types import (
    DecimalType, FloatType, ListType, LongType, MapType, StructType, TimestamptzType,
)


def current_table(folder):
    metadata = pathlib.Path(folder) / "metadata"
    version = (metadata / "version-hint.text").read_text().strip()
    return StaticTable.from_metadata(str(metadata / f"v{version}.metadata.json"))


def shown(type_, value):
    if value is None:
        return None
    if isinstance(type_, StructType):
        return {field.name: shown(field.field_type, value[field.name]) for field in type_.fields}
    if isinstance(type_, ListType):
        return [shown(type_.element_type, item) for item in value]
    if isinstance(type_, MapType):
        return {str(shown(type_.key_type, key)): shown(type_.value_type, item) for key, item in value}
    return shown_primitive(type_, value)


def shown_primitive(type_, value):
    if isinstance(type_, (LongType, DecimalType)):
        return f"{value:f}" if isinstance(value, decimal.Decimal) else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat(timespec="microseconds").rstrip("0").rstrip(".")
        return text + ("Z" if isinstance(type_, TimestamptzType) else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def ids(type_, path):
    """The id of each part by its path."""
    found = {}
    fields = [type_.key_field, type_.value_field] if isinstance(type_, MapType) else (
        [type_.element_field] if isinstance(type_, ListType) else type_.fields)
    for field in fields:
        name = f"{path}.{field.name}" if path else field.name
        found[name] = field.field_id
        if isinstance(field.field_type, (StructType, ListType, MapType)):
            found.update(ids(field.field_type, name))
    return found


def rows_of(schema, scan):
    rows = scan.to_arrow().to_pylist()
    return [{field.name: shown(field.field_type, row[field.name]) for field in schema.fields} for row in rows]


def null_lists(schema, paths):
    """Ids of the rows in which a list is null, by column, as the Parquet files alone have it.

    PyIceberg 0.12 makes empty lists of null lists of structs (apache/arrow#38809 and its way round it).
    """
    names = [field.name for field in schema.fields if isinstance(field.field_type, ListType)]
    found = {name: [] for name in names}
    for path in paths:
        for row in pyarrow.parquet.ParquetFile(path).read(columns=["id", *names]).to_pylist():
            for name in names:
                if row[name] is None:
                    found[name].append(row["id"])
    return {name: sorted(rows) for name, rows in found.items()}


def each_value(table, schema):
    """Statistics and partitions that are wrong make a reader pass over files that hold the value."""
    rows = table.scan().to_arrow().to_pylist()
    wrong, asked = [], 0
    for field in schema.fields:
        if not field.field_type.is_primitive:
            continue
        values = {row[field.name] for row in rows if row[field.name] == row[field.name]}
        for value in values:
            # PyIceberg takes a float's infinities for values beyond a float: it finds nothing.
            if isinstance(field.field_type, FloatType) and value is not None and math.isinf(value):
                continue
            asked += 1
            expected = sum(1 for row in rows if row[field.name] == value)
            literal = value.bytes if isinstance(value, uuid.UUID) else value
            condition = IsNull(field.name) if value is None else EqualTo(field.name, literal)
            found = table.scan(row_filter=condition, selected_fields=("id",)).to_arrow().num_rows
            if found != expected:
                wrong.append({"column": field.name, "value": repr(value)[:80], "found": found, "expected": expected})
    return {"asked": asked, "wrong": wrong}


def described(table, schema):
    return {
        "ids": ids(schema.as_struct(), ""),
        "types": {field.name: str(field.field_type) for field in schema.fields},
        "required": [field.name for field in schema.fields if field.required],
        "partitions": [f"{field.transform}({schema.find_column_name(field.source_id)})" for field in table.spec().fields],
        "properties": dict(table.properties),
        "snapshots": len(table.snapshots()),
        "location": table.location(),
    }


def read(table, schema, filters):
    paths = [task.file.file_path for task in table.scan().plan_files()]
    return {
        "paths": paths,
        "rows": rows_of(schema, table.scan()),
        "nullLists": null_lists(schema, paths) if "id" in schema.column_names else {},
        "filters": [
            {
                "files": len(list(table.scan(row_filter=condition).plan_files())),
                "rows": rows_of(schema, table.scan(row_filter=condition)),
            }
            for condition in filters
        ],
    }


def answer(folder, arguments):
    table = current_table(folder)
    schema = table.schema()
    if arguments == ["--each-value"]:
        return each_value(table, schema)
    if arguments == ["--schema"]:
        return described(table, schema)
    return {**described(table, schema), **read(table, schema, arguments)}


if __name__ == "__main__":
    print(json.dumps(answer(sys.argv[1], sys.argv[2:])))

"""Holds the partitions of Iceberg tables against PyIceberg's own transforms, and prints what it finds as JSON.

usage: partitions.py FOLDER…

Per table: its partition fields, its number of files and rows, the rows that lie in a file whose partition
is not what the transform makes of them, and the values that a filter does not find in full.
"""

import datetime
import json
import sys
import uuid

import pyarrow.parquet
from pyiceberg.expressions import EqualTo, IsNull
from pyiceberg.expressions.literals import literal
from read_table import current_table


def internal(value):
    """As transforms take it: days, microseconds, bytes of a uuid."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return literal(value).value
    return value.bytes if isinstance(value, uuid.UUID) else value


def misplaced(table, task):
    rows = pyarrow.parquet.ParquetFile(task.file.file_path).read().to_pylist()
    spec = table.specs()[task.file.spec_id]
    for position, field in enumerate(spec.fields):
        source = table.schema().find_field(field.source_id)
        transform = field.transform.transform(source.field_type)
        partition = internal(task.file.partition[position])
        for row in rows:
            expected = transform(internal(row[source.name]))
            if internal(expected) != partition:
                yield {"field": field.name, "value": repr(row[source.name]), "expected": repr(expected), "partition": repr(partition)}


def not_found(table, rows):
    field = table.spec().fields[0]
    # PyIceberg 0.12 reads a uuid's partition as UUID and compares it with bytes: it finds nothing.
    if str(field.transform) == "identity" and str(table.schema().find_type("value")) == "uuid":
        return
    for value in {row["value"] for row in rows}:
        expected = sum(1 for row in rows if row["value"] == value)
        wanted = value.bytes if isinstance(value, uuid.UUID) else value
        condition = IsNull("value") if value is None else EqualTo("value", wanted)
        scan = table.scan(row_filter=condition, selected_fields=("id",))
        found = scan.to_arrow().num_rows
        if found != expected:
            yield {"value": repr(value), "found": found, "expected": expected}


def most_files(table, rows):
    """The most files that are read for one value, where the partition is the value itself or a group of it."""
    values = {row["value"] for row in rows}
    if not rows or any(isinstance(value, uuid.UUID) for value in values):
        return None
    conditions = [IsNull("value") if value is None else EqualTo("value", value) for value in values]
    return max(len(list(table.scan(row_filter=condition).plan_files())) for condition in conditions)


def answer(folder):
    table = current_table(folder)
    tasks = list(table.scan().plan_files())
    rows = table.scan().to_arrow().to_pylist()
    return {
        "mostFiles": most_files(table, rows),
        "partitions": [[field.name, str(field.transform)] for field in table.spec().fields],
        "files": len(tasks),
        "rows": len(rows),
        "misplaced": [problem for task in tasks for problem in misplaced(table, task)],
        "notFound": list(not_found(table, rows)),
    }


print(json.dumps([answer(folder) for folder in sys.argv[1:]]))

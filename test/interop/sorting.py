"""Prints the sort order of an Iceberg table as PyIceberg sees it, and the columns of each file in the file's own order.

usage: sorting.py FOLDER [COLUMN…]
"""

import json
import sys

import pyarrow.parquet
from read_table import current_table


def answer(folder, columns):
    table = current_table(folder)
    files = []
    for task in table.scan().plan_files() if columns else []:
        file = pyarrow.parquet.ParquetFile(task.file.file_path).read()
        # By id: a column may have had another name when the file was written.
        by_id = {int(field.metadata[b"PARQUET:field_id"]): field.name for field in file.schema}
        names = [by_id[table.schema().find_field(name).field_id] for name in columns]
        rows = file.select(names).to_pylist()
        files.append({
            "sortOrderId": task.file.sort_order_id,
            "specId": task.file.spec_id,
            "rows": [[str(row[name]) if row[name] is not None else None for name in names] for row in rows],
        })
    order = table.sort_order()
    schema = table.schema()
    return {
        "orderId": order.order_id,
        "order": [
            f"{schema.find_column_name(field.source_id)} {field.direction.value} {field.null_order.value} {field.transform}"
            for field in order.fields
        ],
        "files": sorted(files, key=lambda file: (file["specId"], file["sortOrderId"] or 0)),
    }


print(json.dumps(answer(sys.argv[1], sys.argv[2:])))

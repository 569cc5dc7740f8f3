"""Reads a table through the catalog as PyIceberg does, its files from S3 with keys of its own.

usage: s3_lake.py URI TABLE [append JSON]

Prints rows as sorted JSON, and where the table says its files are. With `append`, rows are added first.
"""

import json
import sys

import pyarrow
from pyiceberg.catalog.rest import RestCatalog


def main(uri, name, *arguments):
    keys = {"s3.access-key-id": "key", "s3.secret-access-key": "secret"}
    table = RestCatalog("millrace", uri=uri, **keys).load_table(name)
    if arguments:
        rows = json.loads(arguments[1])
        schema = table.schema().as_arrow()
        table.append(pyarrow.Table.from_pylist(rows, schema=schema))
    rows = table.scan(selected_fields=("id", "customer")).to_arrow().to_pylist()
    print(json.dumps({
        "location": table.location(),
        "metadata": table.metadata_location,
        "endpoint": table.io.properties.get("s3.endpoint"),
        "pathStyle": table.io.properties.get("s3.path-style-access"),
        "region": table.io.properties.get("client.region"),
        "files": [task.file.file_path for task in table.scan().plan_files()],
        "rows": sorted(rows, key=lambda row: row["id"]),
    }))


main(*sys.argv[1:])

"""Reads CSV files with Python's csv, strict, and prints per file its rows as a line of JSON.

usage: read_csv.py LIST, a JSON file of [{"path": …, "delimiter": …}]; UTF-8, gzip by the ending.
Empty lines are left out, as they are no rows.
"""

import csv
import gzip
import json
import sys

csv.field_size_limit(1 << 30)


def rows_of(path, delimiter):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as text:
        return [row for row in csv.reader(text, delimiter=delimiter, strict=True) if row]


for file in json.load(open(sys.argv[1], encoding="utf-8")):
    try:
        print(json.dumps({"path": file["path"], "rows": rows_of(file["path"], file["delimiter"])}))
    except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
        print(json.dumps({"path": file["path"], "error": str(error)}))

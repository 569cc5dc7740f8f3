"""Prints, as JSON, what PyIceberg finds in the Iceberg table of a folder: its rows as count, distinct ids and their
sum, and the paths of all files that its snapshots and its metadata reach.

usage: reachable.py FOLDER
"""

import json
import pathlib
import sys

import pyarrow.compute as pc
from pyiceberg.table import StaticTable


def local(location):
    return location.removeprefix("file://")


folder = pathlib.Path(sys.argv[1])
hint = folder / "metadata" / "version-hint.text"
current = folder / "metadata" / f"v{hint.read_text().strip()}.metadata.json"
table = StaticTable.from_metadata(str(current))
ids = table.scan(selected_fields=("id",)).to_arrow()["id"]
reachable = {str(current), str(hint)}
reachable.update(local(entry.metadata_file) for entry in table.metadata.metadata_log)
for snapshot in table.snapshots():
    reachable.add(local(snapshot.manifest_list))
    for manifest in snapshot.manifests(table.io):
        reachable.add(local(manifest.manifest_path))
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        reachable.update(local(entry.data_file.file_path) for entry in entries)
print(
    json.dumps(
        {
            "count": len(ids),
            "distinct": pc.count_distinct(ids).as_py(),
            "sum": pc.sum(ids).as_py(),
            "snapshots": len(table.snapshots()),
            "reachable": sorted(reachable),
        }
    )
)

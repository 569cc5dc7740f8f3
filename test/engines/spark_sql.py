"""Runs SQL in one Spark session: a JSON text of SQL a line on standard input, an answer a line on standard output.

A line may also be {"table": …, "columns": […], "row": {…}}: an equality delete of the rows that have the row's values in
these columns, in the partition of the row. Spark itself writes none; Iceberg's library, which it has, does.

usage: spark_sql.py NAME=VALUE…    settings of the session

An answer is {"columns": […], "rows": [[…], …]} or {"error": …}. A value is written as the product's SQL answers
write it: long and decimal as text, times ISO 8601, bytes base64, NaN and infinities text. Run it with TZ=UTC.
"""

import base64
import datetime
import json
import math
import sys
import uuid

from pyspark.sql import SparkSession
from pyspark.sql.types import (
    ArrayType, DecimalType, LongType, MapType, StructType, TimestampNTZType, TimestampType,
)

EPOCH = datetime.datetime(1970, 1, 1)


def from_micros(_type, micros):
    """PySpark's own goes by datetime.fromtimestamp, which has no year 1."""
    return None if micros is None else EPOCH + datetime.timedelta(microseconds=micros)


TimestampType.fromInternal = from_micros
TimestampNTZType.fromInternal = from_micros


def shown(type_, value):
    if value is None:
        return None
    if isinstance(type_, StructType):
        return {field.name: shown(field.dataType, value[field.name]) for field in type_.fields}
    if isinstance(type_, ArrayType):
        return [shown(type_.elementType, item) for item in value]
    if isinstance(type_, MapType):
        return {str(shown(type_.keyType, key)): shown(type_.valueType, item) for key, item in value.items()}
    return shown_primitive(type_, value)


def shown_primitive(type_, value):
    if isinstance(type_, LongType):
        return str(value)
    if isinstance(type_, DecimalType):
        return f"{value:f}"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime.datetime):
        text = value.isoformat()
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return text + ("Z" if isinstance(type_, TimestampType) else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    return value


def answer(session, sql):
    try:
        frame = session.sql(sql)
        rows = frame.collect()
    except Exception as error:  # whatever Spark refuses is the answer
        return {"error": str(error)}
    types = [field.dataType for field in frame.schema.fields]
    return {
        "columns": frame.columns,
        "rows": [[shown(type_, value) for type_, value in zip(types, row)] for row in rows],
    }


def delete_equal(session, table, columns, row):
    iceberg = session._jvm.org.apache.iceberg
    loaded = iceberg.spark.Spark3Util.loadIcebergTable(session._jsparkSession, table)
    schema = loaded.schema()
    ids = session._sc._gateway.new_array(session._jvm.int, len(columns))
    for index, column in enumerate(columns):
        ids[index] = schema.findField(column).fieldId()
    whole = iceberg.data.GenericRecord.create(schema)
    for column, value in row.items():
        whole.setField(column, value)
    partition = iceberg.PartitionKey(loaded.spec(), schema)
    partition.partition(whole)
    names = session._jvm.java.util.ArrayList(columns)
    deleted = iceberg.data.GenericRecord.create(schema.select(names))
    for column in columns:
        deleted.setField(column, row[column])
    factory = iceberg.data.GenericAppenderFactory(schema, loaded.spec(), ids, schema.select(names), None)
    place = loaded.locationProvider().newDataLocation(f"{uuid.uuid4()}-equal.parquet")
    file = loaded.encryption().encrypt(loaded.io().newOutputFile(place))
    writer = factory.newEqDeleteWriter(file, iceberg.FileFormat.PARQUET, partition)
    writer.write(deleted)
    writer.close()
    loaded.newRowDelta().addDeletes(writer.toDeleteFile()).commit()
    return {"columns": [], "rows": []}


def answer_to(session, asked):
    if isinstance(asked, str):
        return answer(session, asked)
    try:
        return delete_equal(session, **asked)
    except Exception as error:  # whatever Iceberg refuses is the answer
        return {"error": str(error)}


def main(settings):
    builder = SparkSession.builder.master("local[2]")
    for setting in settings:
        builder = builder.config(*setting.split("=", 1))
    session = builder.getOrCreate()
    print(json.dumps({"version": session.version}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer_to(session, json.loads(line))), flush=True)
    session.stop()


if __name__ == "__main__":
    main(sys.argv[1:])

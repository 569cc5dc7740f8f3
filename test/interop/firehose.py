"""Producers of Firehose records as people write them with boto3. Each prints what it has put as JSON.

usage: firehose.py each DELIVERY_STREAM JSON       one put_record for each item of a page of the Stack Exchange API
       firehose.py batches DELIVERY_STREAM JSON    put_record_batch, with 500 items at most
"""

import json
import sys

import boto3

RECORDS_MAX = 500
BATCH_BYTES_MAX = 4 * 1024 * 1024


def items_of(path):
    with open(path, encoding="utf-8") as file:
        page = json.load(file)
    return page["items"] if isinstance(page, dict) else page


def record_of(item):
    return {"Data": (json.dumps(item) + "\n").encode("utf-8")}


def each(stream, path):
    firehose = boto3.client("firehose")
    answers = [firehose.put_record(DeliveryStreamName=stream, Record=record_of(item)) for item in items_of(path)]
    return {"put": len(answers), "ids": len({answer["RecordId"] for answer in answers})}


def batches_of(records):
    batch, size = [], 0
    for record in records:
        if batch and (len(batch) == RECORDS_MAX or size + len(record["Data"]) > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record["Data"])
    yield batch


def batches(stream, path):
    firehose = boto3.client("firehose")
    put, failed = 0, 0
    for batch in batches_of(map(record_of, items_of(path))):
        answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=batch)
        failed += answer["FailedPutCount"]
        put += len(batch)
    return {"put": put, "failed": failed}


if __name__ == "__main__":
    print(json.dumps({"each": each, "batches": batches}[sys.argv[1]](*sys.argv[2:])))

"""Producers of Kinesis records as people write them with boto3. Each prints what it has put as JSON.

usage: kinesis.py rows STREAM CSV            one put_record for each row of a file, as a point of sale does
       kinesis.py aggregated STREAM COUNT    records of the Kinesis Producer Library: many user records in one
       kinesis.py until-cut STREAM           PutRecords again and again, a line for each answer, until none comes
"""

import csv
import json
import sys

import boto3
from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.config import Config
from botocore.exceptions import BotoCoreError

WHOLE = {"Quantity", "Monthly_Income"}
FRACTIONS = {"UnitPrice", "Unit_price", "Total", "cogs", "gross_margin_percentage", "gross_income", "Rating"}


def typed(name, text):
    return int(text) if name in WHOLE else float(text) if name in FRACTIONS else text


def rows(stream, path):
    kinesis = boto3.client("kinesis")
    answers = []
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            data = json.dumps({name: typed(name, text) for name, text in row.items()})
            answers.append(kinesis.put_record(StreamName=stream, Data=data, PartitionKey="string"))
    return {"put": len(answers), "shards": sorted({answer["ShardId"] for answer in answers})}


def aggregated(stream, count):
    kinesis = boto3.client("kinesis")
    aggregator = RecordAggregator(20_000)
    whole = []
    for number in range(int(count)):
        user = json.dumps({"id": number, "customer": f"c{number % 7}", "note": "n" * (number % 50)})
        whole.append(aggregator.add_user_record(f"c{number % 7}", user))
    whole.append(aggregator.clear_and_get())
    records = [record.get_contents() for record in whole if record]
    for partition_key, _, data in records:
        kinesis.put_record(StreamName=stream, Data=data, PartitionKey=partition_key)
    return {"records": len(records), "magic": sorted({data[:4].hex() for _, _, data in records})}


def until_cut(stream):
    """A try is one try: what was not answered may be there or not, and is not put again."""
    kinesis = boto3.client("kinesis", config=Config(retries={"max_attempts": 0}))
    number = 0
    while True:
        ids = list(range(number, number + 25))
        number += 25
        records = [{"Data": json.dumps({"id": id, "customer": f"c{id % 7}"}), "PartitionKey": f"c{id % 7}"} for id in ids]
        try:
            answer = kinesis.put_records(StreamName=stream, Records=records)
        except BotoCoreError:
            return
        stored = [id for id, entry in zip(ids, answer["Records"]) if "SequenceNumber" in entry]
        print(json.dumps(stored), flush=True)


if __name__ == "__main__":
    told = {"rows": rows, "aggregated": aggregated, "until-cut": until_cut}[sys.argv[1]](*sys.argv[2:])
    if told is not None:
        print(json.dumps(told))

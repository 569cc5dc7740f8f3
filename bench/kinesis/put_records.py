"""PutRecords as a Python program calls it: boto3, one client, so many requests in flight.

Like support/load.mjs it says that it is prepared, waits for a line, and tells in one what it saw. What boto3 does
for a request, base64 and the signature among it, is done while it counts.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import boto3
from botocore.config import Config

options = json.loads(sys.argv[1])
STREAM, PER_REQUEST = options["stream"], options["perRequest"]


def prepared():
    with open(options["records"], "rb") as file:
        lines = file.read().splitlines()
    entries = [
        {"Data": line, "PartitionKey": json.loads(line)[options["key"]]} for line in lines
    ]
    return [entries[at : at + PER_REQUEST] for at in range(0, len(entries), PER_REQUEST)]


def connected():
    # A request that is repeated in silence would be measured as one.
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=options["inFlight"])
    return boto3.client(
        "kinesis",
        endpoint_url=options["url"],
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=config,
    )


def put(client, batches, number):
    start = time.perf_counter()
    answer = client.put_records(StreamName=STREAM, Records=batches[number % len(batches)])
    if answer["FailedRecordCount"] != 0:
        raise RuntimeError(f"records were refused: {str(answer)[:500]}")
    return len(answer["Records"]), (time.perf_counter() - start) * 1000


def run(client, batches):
    requests = -(-options["total"] // PER_REQUEST)
    numbers = count()

    def work(_):
        seen = []
        while (number := next(numbers)) < requests:
            seen.append(put(client, batches, number))
        return seen

    start = time.perf_counter()
    with ThreadPoolExecutor(options["inFlight"]) as pool:
        seen = [one for worker in pool.map(work, range(options["inFlight"])) for one in worker]
    wall_ms = (time.perf_counter() - start) * 1000
    accepted = sum(records for records, _ in seen)
    latencies = sorted(ms for _, ms in seen)
    quantile = lambda part: latencies[min(len(latencies) - 1, int(len(latencies) * part))]
    return {
        "accepted": accepted,
        "wallMs": wall_ms,
        "perSecond": accepted / wall_ms * 1000,
        "p50Ms": quantile(0.5),
        "p99Ms": quantile(0.99),
    }


def tell(message):
    print(json.dumps(message), flush=True)


batches, client = prepared(), connected()
tell("prepared")
sys.stdin.readline()
try:
    tell(run(client, batches))
except Exception as error:
    tell({"error": str(error)})

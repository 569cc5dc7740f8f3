"""Makes calls with boto3: a JSON line in, a JSON line out, until the input ends.

usage: aws_calls.py SERVICE

{"call": "put_record", "with": {…}}           an operation, by its name in boto3
{"wait": "stream_exists", "with": {…}}        a waiter
{"pages": "list_shards", "with": {…}}         every page that the paginator gives
{"records": "subscribe_to_shard", "with": {…}, "count": 3}
                                              an operation that streams: its events, until they hold so many records

The answer is {"answer": …}, or {"error": {code, message, status}}; the status is 0 where boto3 itself failed.
Bytes are {"$bytes": base64} in both directions, times {"$time": epoch milliseconds}.
"""

import base64
import datetime
import json
import sys

import boto3
from botocore.exceptions import ClientError

UTC = datetime.timezone.utc


def decoded(value):
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$time" in value:
        return datetime.datetime.fromtimestamp(value["$time"] / 1000, UTC)
    return {name: decoded(item) for name, item in value.items()}


def encoded(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return {"$time": round(value.timestamp() * 1000)}
    raise TypeError(f"{type(value)} in an answer")


def events_until(stream, count):
    """Closing the stream is how a client ends a subscription."""
    events, records = [], 0
    for event in stream:
        events.append(event)
        records += len(event.get("SubscribeToShardEvent", {}).get("Records", []))
        if records >= count:
            break
    stream.close()
    return events


def answer(client, asked):
    given = decoded(asked["with"])
    if "wait" in asked:
        return client.get_waiter(asked["wait"]).wait(**given, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    if "pages" in asked:
        return list(client.get_paginator(asked["pages"]).paginate(**given))
    if "records" in asked:
        return events_until(getattr(client, asked["records"])(**given)["EventStream"], asked["count"])
    return getattr(client, asked["call"])(**given)


def refusal(error):
    if not isinstance(error, ClientError):
        return {"code": type(error).__name__, "message": str(error), "status": 0}
    return {
        "code": error.response["Error"]["Code"],
        "message": error.response["Error"]["Message"],
        "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
    }


def main():
    client = boto3.client(sys.argv[1])
    for line in sys.stdin:
        try:
            told = {"answer": answer(client, json.loads(line))}
        except Exception as error:
            told = {"error": refusal(error)}
        print(json.dumps(told, default=encoded), flush=True)


if __name__ == "__main__":
    main()

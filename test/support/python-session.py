"""Runs pieces of Python one after another in one process: reads one JSON text with code a line, answers one line.

What a piece leaves in `result` is its answer. An error is told by its class and text.
"""

import json
import sys
import traceback

names = {}
for line in sys.stdin:
    names["result"] = None
    try:
        exec(compile(json.loads(line), "<test>", "exec"), names)
        answer = {"result": names["result"]}
    except Exception as error:  # every refusal of a client is an answer here
        answer = {"error": type(error).__name__, "message": str(error), "trace": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)

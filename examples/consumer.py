"""Reads results with any Kafka client; here kafka-python (`pip install kafka-python`).

    python consumer.py 127.0.0.1:9092 [NUMBER]

Prints one line per result, from the oldest that the topic keeps, and ends after NUMBER of them.
"""

import json
import sys

from kafka import KafkaConsumer

brokers = sys.argv[1].split(",")
limit = int(sys.argv[2]) if len(sys.argv) > 2 else None

consumer = KafkaConsumer(
    "imagebus.results",
    bootstrap_servers=brokers,
    auto_offset_reset="earliest",
    isolation_level="read_committed",
)
for number, record in enumerate(consumer, start=1):
    result = json.loads(record.value)
    label = result["label"] if result["status"] == "classified" else result["error"]["code"]
    print(result["id"], result.get("model", ""), label, sep="\t", flush=True)
    if number == limit:
        break

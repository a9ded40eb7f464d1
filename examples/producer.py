"""Sends images to a model with any Kafka client; here kafka-python (`pip install kafka-python`).

    python producer.py 127.0.0.1:9092 mnist seven.png ...

The value of a record is the image; the headers make it a CloudEvent (docs/wire-format.md).
"""

import sys
import uuid

from kafka import KafkaProducer

brokers, model, *paths = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=brokers.split(","), acks="all")
for path in paths:
    id = str(uuid.uuid4())
    with open(path, "rb") as file:
        image = file.read()
    headers = {"ce_specversion": "1.0", "ce_id": id, "ce_source": "/producer.py", "ce_type": "imagebus.classify"}
    producer.send(
        f"imagebus.{model}",
        key=id.encode(),
        value=image,
        headers=[(name, value.encode()) for name, value in headers.items()],
    ).get(timeout=30)
    print(id, path, sep="\t", flush=True)

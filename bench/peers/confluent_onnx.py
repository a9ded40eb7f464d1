"""confluent-kafka and ONNX Runtime, tuned by hand.

Usage: confluent_onnx.py BROKERS GROUP TOPIC RESULTS MODEL THREADS

Reads in batches, and commits once per second what is stored by then: an image is never lost, as with imagebus.
"""

import json
import sys
import time

from confluent_kafka import Consumer, Producer

from onnx_model import Model

brokers, group, topic, results, path, threads = sys.argv[1:]
model = Model(path, int(threads))
batch = model.best_batch()
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "queued.min.messages": 100_000,
        "fetch.wait.max.ms": 10,
        "check.crcs": True,
    }
)
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
    }
)
consumer.subscribe([topic])
print(f"batches of {batch}", flush=True)
answers = [json.dumps({"index": index}).encode() for index in range(10)]
committed = time.monotonic()
while True:
    messages = [message for message in consumer.consume(batch, 0.05) if message.error() is None]
    if messages:
        labels = model.labels([message.value() for message in messages])
        for message, label in zip(messages, labels):
            producer.produce(results, answers[label], message.key())
        producer.poll(0)
    if time.monotonic() - committed > 1:
        producer.flush()
        if consumer.assignment():
            try:
                consumer.commit(asynchronous=True)
            except Exception:
                pass  # Nothing has been read since the last time.
        committed = time.monotonic()

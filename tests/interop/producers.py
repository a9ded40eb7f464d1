"""Sends the same image by Python clients of Kafka, in each way that producers send it, with each codec.

    python producers.py BROKERS TOPIC IMAGE

Prints one line per record: the key, which tells the client, the form and the codec.
"""

import base64
import json
import sys

import confluent_kafka
import kafka
from cloudevents.v1.conversion import to_binary, to_structured
from cloudevents.v1.http import CloudEvent

brokers, topic, path = sys.argv[1:]
image = open(path, "rb").read()
text = base64.b64encode(image)


def event(key: str) -> CloudEvent:
    attributes = {"type": "imagebus.classify", "source": "/interop", "id": key, "actual": "7"}
    return CloudEvent(attributes, image)


def binary_event(key: str):
    headers, value = to_binary(event(key))
    renamed = {"content-type": "image/png"}
    renamed |= {name.replace("ce-", "ce_", 1): str(field) for name, field in headers.items()}
    return list((name, field.encode()) for name, field in renamed.items()), value


def structured_event(key: str):
    headers, value = to_structured(event(key))
    return [(name, str(field).encode()) for name, field in headers.items()], value


FORMS = {
    "image": lambda key: ([], image),
    "base64": lambda key: ([], text),
    "lines": lambda key: ([], base64.encodebytes(image)),
    "data-uri": lambda key: ([], b"data:image/png;base64," + text),
    "json-string": lambda key: ([], json.dumps(text.decode()).encode()),
    "connect-schema": lambda key: ([], json.dumps({"schema": {"type": "bytes"}, "payload": text.decode()}).encode()),
    "binary-event": binary_event,
    "structured-event": structured_event,
}


def with_kafka_python(codec: str) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=brokers, compression_type=None if codec == "none" else codec)
    for form, make in FORMS.items():
        key = f"kafka-python/{form}/{codec}"
        headers, value = make(key)
        producer.send(topic, key=key.encode(), value=value, headers=headers)
        print(key)
    producer.flush()
    producer.close()


def with_confluent(codec: str) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers, "compression.type": codec})
    for form, make in FORMS.items():
        key = f"confluent-kafka/{form}/{codec}"
        headers, value = make(key)
        producer.produce(topic, key=key.encode(), value=value, headers=headers)
        print(key)
    producer.flush()


for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    with_kafka_python(codec)
    with_confluent(codec)

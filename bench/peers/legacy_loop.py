"""The loop of the legacy system: it loads the model for each message, and classifies one at a time.

Usage: legacy_loop.py BROKERS GROUP TOPIC RESULTS MODEL
"""

import io
import json
import sys

import keras
import numpy
from confluent_kafka import Consumer, Producer
from PIL import Image

brokers, group, topic, results, path = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest"})
producer = Producer({"bootstrap.servers": brokers})
consumer.subscribe([topic])
while True:
    message = consumer.poll(0.1)
    if message is None or message.error() is not None:
        continue
    model = keras.models.load_model(path, compile=False)
    pixels = numpy.asarray(Image.open(io.BytesIO(message.value())), numpy.float32)  # The model scales.
    index = int(model.predict(pixels.reshape(1, 28, 28, 1), verbose=0).argmax())
    print(f"Prediction: {index}", flush=True)
    producer.produce(results, json.dumps({"index": index}), message.key())
    producer.flush()

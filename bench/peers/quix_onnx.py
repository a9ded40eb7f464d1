"""Quix Streams and ONNX Runtime, one message at a time, as its dataframe does it.

Usage: quix_onnx.py BROKERS GROUP TOPIC RESULTS MODEL THREADS
"""

import sys

from quixstreams import Application

from onnx_model import Model

brokers, group, topic, results, path, threads = sys.argv[1:]
model = Model(path, int(threads))
app = Application(broker_address=brokers, consumer_group=group, auto_offset_reset="earliest", loglevel="WARNING")
images = app.topic(topic, key_deserializer="bytes", value_deserializer="bytes")
answers = app.topic(results, key_serializer="bytes", value_serializer="json")
frame = app.dataframe(images)
frame = frame.apply(lambda image: {"index": model.labels([image])[0]})
frame.to_topic(answers)
app.run()

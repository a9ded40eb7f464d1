"""Sends an image within a span of the OpenTelemetry SDK, and prints the span's trace id and span id.

    python traced_producer.py BROKERS TOPIC IMAGE
"""

import sys

import kafka
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider

brokers, topic, path = sys.argv[1:]
trace.set_tracer_provider(TracerProvider())
producer = kafka.KafkaProducer(bootstrap_servers=brokers)
with trace.get_tracer("shop").start_as_current_span("upload") as span:
    headers: dict[str, str] = {}
    propagate.inject(headers)
    fields = [(name, text.encode()) for name, text in headers.items()]
    producer.send(topic, key=b"traced", value=open(path, "rb").read(), headers=fields)
    context = span.get_span_context()
    print(trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))
producer.flush()
producer.close()

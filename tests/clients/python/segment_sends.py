"""Sends by Segment's SDK: segment_sends.py ADDRESS KEY CUSTOMER."""

import sys

import segment.analytics as analytics
from sends import send


def fail(error, _items):
    print(f"it was not sent: {error}", file=sys.stderr)


analytics.host, analytics.write_key, customer = sys.argv[1:]
analytics.gzip = True
analytics.on_error = fail
send(analytics, customer)

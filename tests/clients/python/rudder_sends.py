"""Sends by RudderStack's SDK: rudder_sends.py ADDRESS KEY CUSTOMER."""

import sys

import rudderstack.analytics as analytics
from sends import send


def fail(error, _items):
    print(f"it was not sent: {error}", file=sys.stderr)


analytics.dataPlaneUrl, analytics.write_key, customer = sys.argv[1:]
analytics.on_error = fail
send(analytics, customer)

"""Prints the code that RudderStack's SDK reads in a refusal. One that it cannot read it would send again."""

import sys

from rudderstack.analytics.request import APIError, post

try:
    post("wrong", sys.argv[1], batch=[])
except APIError as error:
    print(error.code)

"""Runs in the peers' environment: datatrove's simplify_text over texts, one in JSON per line; prints words as JSON."""

import json
import sys

from datatrove.utils.text import simplify_text

for line in sys.stdin:
    print(json.dumps(simplify_text(json.loads(line)).split()))

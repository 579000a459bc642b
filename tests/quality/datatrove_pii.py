"""datatrove's PIIFormatter: JSON lines in, JSON lines out. Each text begins its cycle of replacements anew."""

import json
import sys

from datatrove.pipeline.formatters.pii import PIIFormatter


def main() -> None:
    formatter = PIIFormatter()
    for line in sys.stdin:
        formatter.emails_replacer._replace_i = formatter.ip_replacer._replace_i = 0
        print(json.dumps(formatter.format(json.loads(line))))


if __name__ == "__main__":
    main()

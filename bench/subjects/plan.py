"""The plans, for the subjects in Python: the same text as plan.ts expands."""

import json
import sys
from pathlib import Path

HEALTHY = {"status": "healthy"}
HOST = "127.0.0.1"


def arguments():
    """The rule of the plan, its routes, and the port."""
    plan = sys.argv[1] if len(sys.argv) > 1 else "param-10"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rules = json.loads((Path(__file__).parent.parent / "plans.json").read_text())
    rule = rules[plan]
    return rule, [rule["route"].replace("{n}", str(n)) for n in range(rule["count"])], port

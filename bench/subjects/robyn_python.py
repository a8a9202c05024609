"""Robyn for Python, one process and one worker."""

import os
import socket
import sys

from plan import HEALTHY, HOST, arguments

rule, routes, port = arguments()
# Robyn reads the command line when it is imported.
sys.argv[1:] = ["--disable-openapi", "--log-level", "ERROR"]

from robyn import Robyn  # noqa: E402

app = Robyn(__file__)


def answer_id(request):
    return request.path_params["id"]


def answer_healthy():
    return HEALTHY


for route in routes:
    if rule["kind"] == "param":
        app.get(route)(answer_id)
    else:
        app.get(route, const=rule["kind"] == "const")(answer_healthy)

if port == 0:
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]

# It tells nobody when it listens: whoever reads this line waits for the first answer.
print(f"listening {port}", flush=True)
os.environ["ROBYN_PORT"] = str(port)
app.start(host=HOST, port=port)

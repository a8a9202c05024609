"""FastAPI on uvicorn with uvloop and httptools, one process."""

import socket

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse

from plan import HEALTHY, HOST, arguments

rule, routes, port = arguments()
app = FastAPI(openapi_url=None)


async def answer_id(id: str):
    return PlainTextResponse(id)


async def answer_healthy():
    return JSONResponse(HEALTHY)


for route in routes:
    if rule["kind"] == "param":
        app.get(route.replace(":id", "{id}"))(answer_id)
    else:
        app.get(route)(answer_healthy)

listener = socket.create_server((HOST, port), backlog=1024)
print(f"listening {listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(app, log_level="error", access_log=False, loop="uvloop", http="httptools")
uvicorn.Server(config).run(sockets=[listener])

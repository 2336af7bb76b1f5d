"""`serve` from the outside: what it refuses, and that nothing is left when it is stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
import requests
import uvicorn

from pseudohealthy.serve.server import _hang_up_stops


def test_what_cannot_be_served_is_refused_in_one_line(refuse, fitted, tmp_path):
    refuse("serve", tmp_path / "nothing", said="no such folder")
    refuse("serve", fitted.uncalibrated, said="no 'healthy' threshold")
    refuse("serve", fitted.model, "--max-upload-mb", "0", said="needed 1 or more")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.listen()
        refuse("serve", fitted.model, "--port", str(taken.getsockname()[1]), said="that nothing can listen there")
    refuse("serve", fitted.model, "--port", "70000", said="that nothing can listen there")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])  # SIGHUP: the terminal was closed
def test_it_tells_its_address_answers_and_leaves_nothing_behind(fitted, tmp_path, sent):
    at_a_terminal = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # the tests may run under nohup
    program = f"{at_a_terminal}; import sys; from pseudohealthy.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "serve", str(fitted.model), "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stderr is not None
        told = next(filter(None, (re.match(r"Open (http://127\.0\.0\.1:\d+)/", line) for line in server.stderr)))
        assert requests.get(f"{told[1]}/api/about", timeout=60).json()["model"] == "sadm_res"
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("pseudohealthy-")]
        server.send_signal(sent)
        assert server.wait(timeout=60) == 128 + sent
    finally:
        server.kill()
        server.communicate()
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("pseudohealthy-")]


def test_a_terminal_that_closes_amid_a_request_stops_the_server():
    async def app(scope, receive, send):
        signal.raise_signal(signal.SIGHUP)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask():
        requests.get(f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout=60)
        server.should_exit = True  # if the hang-up did not

    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    before = signal.signal(signal.SIGHUP, lambda signum, frame: sys.exit(128 + signum))
    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            asking = threading.Thread(target=ask)
            asking.start()
            with pytest.raises(SystemExit, match="129"), _hang_up_stops(server):
                server.run(sockets=[listening])
            asking.join()
    finally:
        signal.signal(signal.SIGHUP, before)

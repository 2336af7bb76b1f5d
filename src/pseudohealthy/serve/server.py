"""Runs the app on a port of this computer until it is interrupted."""

from __future__ import annotations

import contextlib
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import uvicorn

from pseudohealthy.errors import ConfigError
from pseudohealthy.serve.app import make_app
from pseudohealthy.serve.limits import Limits
from pseudohealthy.serve.routes import Service
from pseudohealthy.serve.score import Scorer
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.workflows.predict_cohort import choose_threshold


def serve(
    model: Model,
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    threshold: str = "healthy",
    strip: str | None = None,
    limits: Limits | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve a model until Ctrl-C; all files of all scans are deleted then.

    Args:
        model: A calibrated model.
        host: Address or name to listen on. The default is seen from this computer alone.
        port: Port; 0 takes a free one.
        threshold: Policy or number that is used unless a request names another.
        strip: The tool that finds the brain in whole heads; None refuses them.
        limits: How much, how many, how long.
        tell: Gets the line with the address.

    Raises:
        ConfigError: The port is taken, or this computer has no such address.
        ModelFolderError: The model has no stored threshold of that policy.
    """
    chosen = choose_threshold(model, threshold)
    if chosen.policy == "given":
        threshold = np.format_float_positional(chosen.value, trim="-")  # as the addresses take it: no exponent
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    stored = list(model.calibration.get(model.row, {}))
    with listening, tempfile.TemporaryDirectory(prefix="pseudohealthy-") as folder:
        service = Service(Scorer(model, strip), model.row, stored, threshold, Path(folder), host, limits or Limits())
        config = uvicorn.Config(
            make_app(service),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=10,
            limit_concurrency=64,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        tell(f"Open http://{shown}:{listening.getsockname()[1]}/ and stop it with Ctrl-C")
        with _hang_up_stops(server):
            server.run(sockets=[listening])


@contextlib.contextmanager
def _hang_up_stops(server: uvicorn.Server) -> Iterator[None]:
    """Let a closed terminal stop the server as Ctrl-C does, and then be handled as it was before.

    uvicorn does so with SIGINT and SIGTERM alone; an exit that any other signal raises amid a request, it takes for
    an error of that request, and serves on.
    """
    number = getattr(signal, "SIGHUP", None)  # there is none on Windows
    handler = None if number is None else signal.getsignal(number)
    if number is None or not callable(handler):  # under nohup it is ignored
        yield
        return
    came = []

    def stop(signum: int, frame: object) -> None:
        came.append(signum)
        server.should_exit = True

    signal.signal(number, stop)
    try:
        yield
    finally:
        signal.signal(number, handler)
        for signum in came[:1]:
            signal.raise_signal(signum)


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
            raise OverflowError(f"port {port} is not between 0 and 65535")
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)  # a browser that is quicker than the server waits, and is not refused
        except (OSError, OverflowError):
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"--host {host} --port {port}",
            found=f"that nothing can listen there ({error})",
            needed="an address of this computer and a free port",
            fix="Choose another one, such as --port 0, which takes a free one.",
        ) from error
    return listening

"""`pseudohealthy serve`."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="model folder")
    parser.add_argument("--port", type=int, default=8501, help="port; 0 takes a free one (default: 8501)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this computer)")
    parser.add_argument(
        "--threshold", default="healthy", help="healthy, lesion, or a number in [0, 1) (default: healthy)"
    )
    parser.add_argument(
        "--strip",
        choices=("auto", "deepbet", "hd-bet", "synthstrip"),
        help="tool that finds the brain in whole heads; auto: the first that is installed (default: heads are refused)",
    )
    parser.add_argument(
        "--max-upload-mb", type=int, default=256, metavar="MB", help="largest upload, in MB (default: 256)"
    )


def run(args: argparse.Namespace) -> None:
    """Do it."""
    from pseudohealthy.cli.teller import Console
    from pseudohealthy.errors import ConfigError, require

    if args.max_upload_mb < 1:
        raise ConfigError(
            f"--max-upload-mb {args.max_upload_mb}", found="no room", needed="1 or more", fix="Leave it out for 256."
        )
    for package in ("fastapi", "uvicorn"):
        require(package, "serve")
    from pseudohealthy.prepare.strip import installed
    from pseudohealthy.serve.limits import Limits
    from pseudohealthy.serve.server import serve
    from pseudohealthy.stages.model_folder import load_model

    model = load_model(args.model)
    serve(
        model,
        host=args.host,
        port=args.port,
        threshold=args.threshold,
        strip=installed() if args.strip == "auto" else args.strip,
        limits=Limits(upload_bytes=args.max_upload_mb << 20),
        tell=Console().log,
    )

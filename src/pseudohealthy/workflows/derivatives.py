"""What BIDS asks of a folder of derivatives."""

from pathlib import Path

from pseudohealthy import __version__
from pseudohealthy.io.files import write_json


def describe_derivatives(out: Path, name: str) -> None:
    """Write the `dataset_description.json` of a derivative.

    Args:
        out: Output folder.
        name: What it holds.
    """
    write_json(
        out / "dataset_description.json",
        {
            "Name": name,
            "BIDSVersion": "1.10.0",
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "pseudohealthy", "Version": __version__}],
        },
    )

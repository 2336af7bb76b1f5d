"""What a processor multiplies natively, and the precisions that are refused on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pseudohealthy.config import TrainingSettings
from pseudohealthy.errors import ConfigError
from pseudohealthy.stages import processor
from pseudohealthy.stages.processor import cores_to_spare, native_precision, refuse_precision, refuse_training_precision


def test_auto_precision_on_a_cpu_is_what_its_flags_promise():
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else ""
    native = "avx512_bf16" in flags or "amx_bf16" in flags
    assert native_precision(torch.device("cpu")) == ("bf16-mixed" if native else "32-true")


def test_bf16_is_refused_where_it_would_be_imitated(monkeypatch):
    monkeypatch.setattr(processor, "native_precision", lambda device: "32-true")
    with pytest.raises(ConfigError, match="avx512_bf16"):
        refuse_precision("bf16", torch.device("cpu"))
    refuse_precision("fp32", torch.device("cpu"))
    with pytest.raises(ConfigError, match="fp32, bf16"):
        refuse_precision("fp8", torch.device("cpu"))


def test_cores_are_to_spare_beside_an_accelerator_or_fewer_threads(monkeypatch):
    monkeypatch.setattr(processor.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    for threads, spare in ((1, True), (2, False)):
        monkeypatch.setattr(processor.torch, "get_num_threads", lambda threads=threads: threads)
        assert cores_to_spare(torch.device("cpu")) is spare
        assert cores_to_spare(torch.device("cuda"))


def test_16_bit_floats_are_not_taken_for_others_on_a_processor(monkeypatch):
    monkeypatch.setattr(processor, "best_device", lambda: torch.device("cpu"))
    refuse_training_precision(TrainingSettings(precision="bf16-mixed"))
    with pytest.raises(ConfigError, match="precision 16-mixed: found no GPU"):
        refuse_training_precision(TrainingSettings(precision="16-mixed"))

"""The training loop of both stages: Lightning around one network and one loss. Nothing here knows what is trained."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from pytorch_lightning.plugins.environments import (  # type: ignore[attr-defined]  # not in its __all__
    LightningEnvironment,
    TorchElasticEnvironment,
)
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from pseudohealthy.config import TrainingSettings
from pseudohealthy.data.slices import EVERY
from pseudohealthy.errors import ConfigError
from pseudohealthy.io.files import write_text
from pseudohealthy.stages.checkpoints import BEST, LAST, LastCheckpoint, WholeCheckpoints, load_checkpoint
from pseudohealthy.stages.layout import as_stored, channels_last
from pseudohealthy.stages.processes import ALONE, Processes
from pseudohealthy.stages.processor import best_device, native_precision
from pseudohealthy.stages.run_folder import RunFolder


class Loss(Protocol):
    """(network, step) -> training loss of a step's batch, or of `rows` of it: a mean over slices.

    Everything random in it is a function of the seed and the step and drawn for the whole batch, so that parts on
    several devices, or one after the other, make up the whole.
    """

    def __call__(self, network: nn.Module, step: int, rows: slice = EVERY, /) -> Tensor:
        """The loss, a scalar."""


Validate = Callable[[nn.Module], dict[str, float]]
"""network -> metrics on fixed slices with fixed noise; `val_loss` among them."""


class Steps(IterableDataset[int]):
    """An endless count: the batch itself is drawn by the loss, from the global step."""

    def __iter__(self) -> Iterator[int]:
        step = 0
        while True:
            yield step
            step += 1


class Trainee(pl.LightningModule):
    """A network and how to train it."""

    def __init__(
        self, network: nn.Module, loss: Loss, validate: Validate, settings: TrainingSettings, processes: Processes
    ) -> None:
        super().__init__()
        self.network, self._loss, self._validate, self._settings = network, loss, validate, settings
        self._processes = processes
        self._parts: list[Tensor] = []

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """Loss of a part of the global step's batch; what is told is that of the whole."""
        rows = self._processes.rows(self._settings, len(self._parts))
        part = () if rows is None else (rows,)
        loss = self._loss(self.network, self.global_step, *part)
        self._parts.append(loss.detach())
        if len(self._parts) == self._settings.accumulate:
            whole = torch.stack(self._parts).mean()
            self._parts = []
            self.log("train_loss", whole, batch_size=1, sync_dist=self._processes.count > 1)
        return loss

    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Metrics on the fixed validation slices."""
        metrics = self._validate(self.network)
        refuse_diverged(self.network, self._settings, self.global_step, metrics["val_loss"])
        self.log_dict(metrics, batch_size=1)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimiser and schedule of the recipe."""
        s = self._settings
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        if s.optimiser == "adamw":
            optimiser: torch.optim.Optimizer = torch.optim.AdamW(
                parameters, s.learning_rate, weight_decay=s.weight_decay
            )
        else:
            optimiser = torch.optim.Adam(parameters, s.learning_rate)
        if s.schedule == "constant":
            return optimiser
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: one_cycle(step, s.steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def one_cycle(step: int, steps: int, warm_up: float = 0.1) -> float:
    """Factor on the peak learning rate: linear warm-up over a tenth of the steps, then half a cosine to zero."""
    rise = max(1, round(warm_up * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))


class Report(Callback):
    """At each validation a row of `metrics.csv` and a plain line: what is reached, and when it ends."""

    def __init__(self, run: RunFolder, steps: int) -> None:
        self._run, self._steps = run, steps
        self._begun, self._first = time.monotonic(), 0
        self._table = run.path / "metrics.csv"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note where a resumed training begins, and drop the rows that it will write again."""
        self._begun, self._first = time.monotonic(), trainer.global_step
        rows = self._table.read_text(encoding="utf-8").splitlines() if self._first and self._table.exists() else []
        kept = rows[:1] + [row for row in rows[1:] if int(row.partition(",")[0]) <= self._first]
        write_text(self._table, "".join(f"{row}\n" for row in kept))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the line."""
        step = trainer.global_step
        if step == self._first:
            return
        left = (time.monotonic() - self._begun) / (step - self._first) * (self._steps - step)
        metrics = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        with self._table.open("a", encoding="utf-8") as table:
            if table.tell() == 0:
                print("step", *metrics, sep=",", file=table)
            print(step, *metrics.values(), sep=",", file=table)
        told = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        self._run.log(f"step {step}/{self._steps}  {told}  {left / 60:.1f} min left")


def fit(
    network: nn.Module,
    loss: Loss,
    validate: Validate,
    settings: TrainingSettings,
    run: RunFolder,
    *,
    resume: bool,
    processes: Processes = ALONE,
    watching: Sequence[Callback] = (),
) -> None:
    """Train `network` in place and leave it with the weights that the recipe keeps.

    Args:
        network: What is trained.
        loss: Training loss of a step.
        validate: Metrics on fixed slices.
        settings: The optimisation.
        run: Where checkpoints, `metrics.csv` and log lines go.
        resume: Continue from the run's last checkpoint if there is one; the number of processes may differ.
        processes: Who trains. All validate, on the same slices; the first one writes.
        watching: Who looks at the network at each validation, in the process that writes.

    Raises:
        ConfigError: The training diverged.
    """
    for library in ("pytorch_lightning", "lightning_fabric"):  # what they do is told in our own lines
        logging.getLogger(library).setLevel(logging.ERROR)
    device = best_device()
    precision = native_precision(device) if settings.precision == "auto" else settings.precision
    checkpoints = run.path / "checkpoints"
    callbacks: list[Callback] = [
        ModelCheckpoint(checkpoints, filename="best", monitor="val_loss", enable_version_counter=False),
        LastCheckpoint(checkpoints, settings),
        *([Report(run, settings.steps), *watching] if run.leads else []),
    ]
    if settings.ema_decay:
        callbacks.append(EMAWeightAveraging(decay=settings.ema_decay))
    trainer = pl.Trainer(
        accelerator=device.type if device.type == "cpu" else "gpu",
        devices=processes.devices,
        num_nodes=processes.nodes,
        strategy=_strategy(processes),
        precision=precision,  # type: ignore[arg-type]  # Lightning's Literal, ours is a str
        max_steps=settings.steps,
        accumulate_grad_batches=settings.accumulate,
        val_check_interval=min(settings.validate_every_steps, settings.steps) * settings.accumulate,  # in parts
        check_val_every_n_epoch=None,
        gradient_clip_val=settings.gradient_clip or None,
        num_sanity_val_steps=0,
        logger=False,
        callbacks=callbacks,
        # One process is one process, whatever a cluster's variables say.
        plugins=[WholeCheckpoints(), *([LightningEnvironment()] if processes.count == 1 else [])],
        sync_batchnorm=processes.count > 1 and device.type == "cuda",
        enable_progress_bar=run.interactive,
        enable_model_summary=False,
    )
    channels_last(network)
    trainee = Trainee(network, loss, validate, settings, processes)
    last = checkpoints / LAST
    if run.leads and not resume:  # those of a run that is overwritten would be resumed in this one's place
        for name in (LAST, BEST):
            (checkpoints / name).unlink(missing_ok=True)
    torch.manual_seed(settings.seed)  # the networks have no dropout: a safeguard, not a source of randomness
    with warnings.catch_warnings():  # about loggers, workers and versions: nothing that a user could mend
        warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric|torch\.")
        begun = last if resume and last.exists() else None
        before = None if begun is None else load_checkpoint(begun)
        _fit(trainer, trainee, begun)
    best = checkpoints / BEST
    if settings.keep == "best" and best.exists():
        trainee.load_state_dict(load_checkpoint(best)["state_dict"])
    elif before is not None and settings.ema_decay and before["global_step"] >= settings.steps:
        # Lightning takes no step then, and leaves the last weights in the network: the averages are in the file.
        trainee.load_state_dict(before["state_dict"])
    as_stored(network.to("cpu").eval())
    refuse_diverged(network, settings, settings.steps)


def refuse_diverged(network: nn.Module, settings: TrainingSettings, step: int, loss: float = 0.0) -> None:
    """Refuse to go on where the loss, or a weight, is not a number.

    Raises:
        ConfigError: One is not.
    """
    if math.isfinite(loss) and all(bool(weight.isfinite().all()) for weight in network.state_dict().values()):
        return
    raise ConfigError(
        f"training at step {step}",
        found=f"a loss or weights that are not numbers: it diverged, with learning_rate {settings.learning_rate:g}",
        needed="finite numbers",
        fix="Lower the learning rate, set gradient_clip, or precision to 32-true, and begin anew with --overwrite.",
    )


def _strategy(processes: Processes) -> DDPStrategy | str:
    """`joined` has made the process group, and set the variables of torchrun."""
    if processes.count == 1:
        return "auto"
    # A pre-training may leave a layer out that the training needs.
    return DDPStrategy(cluster_environment=TorchElasticEnvironment(), find_unused_parameters=True)


def _fit(trainer: pl.Trainer, trainee: Trainee, checkpoint: Path | None) -> None:
    try:
        trainer.fit(
            trainee,
            DataLoader(Steps(), batch_size=None),
            DataLoader(range(1), batch_size=None),  # type: ignore[arg-type]
            ckpt_path=checkpoint,
            weights_only=True,
        )
    except SystemExit as exit_:
        if exit_.code == 1 and trainer.interrupted:  # Lightning turns Ctrl-C into exit 1
            raise KeyboardInterrupt from None
        raise

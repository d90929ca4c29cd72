"""The parts of a training run.

devices       which device, which precision
processes     training in many processes
launcher      starting those of one machine, and stopping them
schedule      where a run stands: learning rate, cool-down, end
objective     from packed words to the loss
extras        later moves, later boards, biases of sources: what else is learnt from
teacher       another network, whose policy is learnt
parts         a batch spread over threads
averages      averaged weights
learning      the Trainer: network, optimizers, one step
validation    loss and accuracy on held-back games
checkpoints   what a run writes to go on later
profiling     where the time of a step goes

``training/train.py`` is the loop that puts them together.
"""

from goengine.trainer.averages import Averages
from goengine.trainer.checkpoints import CHECKPOINT, PREVIOUS, read_run, save_checkpoint
from goengine.trainer.devices import (
    choose_device,
    compiler_advice,
    memory_advice,
    memory_in_use,
    thread_count,
    wants_bfloat16,
)
from goengine.trainer.launcher import launch
from goengine.trainer.learning import Trainer, check_start
from goengine.trainer.processes import Processes, lost_the_others
from goengine.trainer.profiling import Profile, profile
from goengine.trainer.schedule import schedule
from goengine.trainer.signals import StopSignals
from goengine.trainer.tally import Tally
from goengine.trainer.validation import ValidationSet, validate
from goengine.trainer.vitals import Vitals, expected_loss, first_broken_tensor

__all__ = [
    "CHECKPOINT",
    "PREVIOUS",
    "Averages",
    "Processes",
    "Profile",
    "StopSignals",
    "Tally",
    "Trainer",
    "ValidationSet",
    "Vitals",
    "check_start",
    "choose_device",
    "compiler_advice",
    "expected_loss",
    "first_broken_tensor",
    "launch",
    "lost_the_others",
    "memory_advice",
    "memory_in_use",
    "profile",
    "read_run",
    "save_checkpoint",
    "schedule",
    "thread_count",
    "validate",
    "wants_bfloat16",
]

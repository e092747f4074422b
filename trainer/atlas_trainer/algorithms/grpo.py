"""
GRPO on TRL: for each prompt a group of rollouts, each learnt from by how its reward differs from the others'.

TRL is composed through its doors (reward function, callback, arguments), never subclassed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset as Table
from datasets import Features, Json, Value
from transformers import PrinterCallback
from trl import GRPOTrainer

from atlas_api import AtlasTrainingSpec
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.algorithms.early_stopping import stop_reason
from atlas_trainer.algorithms.event_handlers import EventHandlers
from atlas_trainer.algorithms.grpo_config import check_arguments, grpo_config
from atlas_trainer.algorithms.grpo_reward import GrpoReward
from atlas_trainer.algorithms.trl_callback import TrlCallback
from atlas_trainer.algorithms.trl_training import train_to_end
from atlas_trainer.dataset.completions import CompletionReader
from atlas_trainer.dataset.model_source import ModelSource
from atlas_trainer.dataset.rows import Row
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.models.adapters import new_adapters, restore_saved_adapters, save_trained_alone
from atlas_trainer.models.policy import keep_gradients_through_quantised_layers, keep_masters_in_fp32, load_policy

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


__all__ = ["build_trainer", "check_arguments", "table_of", "train"]

# Calls of tools have other arguments each time: as columns, they would get those of each other.
_FEATURES = Features(
    {"prompt": Json(), **{name: Value("string") for name in ("reference", "session_id", "task", "learning_key")}}
)


def build_trainer(
    spec: AtlasTrainingSpec,
    source: ModelSource,
    tokenizer: "PreTrainedTokenizerBase",
    rows: Sequence[Row],
    *,
    reward: JudgedReward,
    folder: Path,
    process_group: ProcessGroup,
) -> GRPOTrainer:
    """A TRL trainer that is ready to train *source* in this process of the group. *folder* gets TRL's checkpoints.

    Raises `ZeroSteps` when the rows do not fill one step, `InvalidManifest` for bad `trainerArgs`, and what
    `load_policy` raises.
    """
    reader = CompletionReader(tokenizer, spec.reward.answer.thought)
    reward_function = GrpoReward(
        reward,
        spec.grpo.group_size,
        process_group,
        reader=reader,
        floor=spec.reward.conflicts == "floor",
        cut_scores=spec.reward.truncated == "scored",
    )
    trainer = GRPOTrainer(
        model=load_policy(spec.model, source, alone=process_group.size == 1),
        reward_funcs=[reward_function],
        args=grpo_config(spec, len(rows), folder, process_group.size),
        train_dataset=table_of(rows),
        processing_class=tokenizer,
        peft_config=new_adapters(spec.model, source),
    )
    trainer.remove_callback(PrinterCallback)
    keep_masters_in_fp32(trainer.model)
    restore_saved_adapters(trainer.model, source)
    save_trained_alone(trainer.model)
    keep_gradients_through_quantised_layers(trainer.model)
    trainer.model.generation_config.eos_token_id = trainer.eos_token_ids
    # It is saved with the model, which may have come from a cache of the hub. TRL has loaded its reference by then.
    trainer.model.config.name_or_path = source.base.name
    return trainer


def train(
    trainer: GRPOTrainer,
    spec: AtlasTrainingSpec,
    process_group: ProcessGroup,
    handlers: EventHandlers | None,
    *,
    interrupt: Interrupt,
    resume_from: Path | None,
) -> None:
    """Train to the end; *handlers* are those of the main process, None in the others.

    Raises what `stop_reason` finds (in the others `WorkerLost`), and what `train_to_end` raises.
    """
    reward: GrpoReward = trainer.reward_funcs[0]
    callback = TrlCallback(
        process_group,
        handlers,
        interrupt,
        evaluate_every=spec.evaluation.every_steps,
        stop_reason=lambda logs, max_steps: stop_reason(logs, max_steps, reward.trouble),
        revisions=lambda: reward.revisions,
    )
    trainer.add_callback(callback)
    train_to_end(trainer, interrupt, resume_from)


def table_of(rows: Sequence[Row]) -> Table:
    """TRL's table of *rows*: the prompt, and what the reward function is given with its completions."""
    return Table.from_list([_columns(row) for row in rows], features=_FEATURES)


def _columns(row: Row) -> dict[str, Any]:
    return {
        "prompt": [dict(message) for message in row.prompt],
        "reference": row.reference,
        "session_id": row.session_id,
        "task": row.task,
        "learning_key": row.learning_key,
    }

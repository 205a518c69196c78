"""A published checkpoint of DeepSeek's families in a folder: which family, and which sizes.

Loads neither weights nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.errors import CheckpointError
from optical_memory.readers.checkpoints.config_json import parse_config
from optical_memory.readers.checkpoints.folder import CheckpointFolder
from optical_memory.readers.checkpoints.safetensors_files import read_headers, read_json
from optical_memory.readers.deepseek.config import stock_config
from optical_memory.readers.deepseek.config_checks import DeepseekConfig, V1Config, V2Config
from optical_memory.readers.deepseek.families import FAMILIES, V2
from optical_memory.readers.language.family import Family

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

__all__ = [
    "DeepseekCheckpoint",
    "family_of",
    "open_folder",
    "parse_sections",
]


@dataclass(frozen=True)
class DeepseekCheckpoint(CheckpointFolder):
    """A checkpoint folder with its family, and the sections of its config.json."""

    family: Family
    sections: DeepseekConfig

    @property
    def config(self) -> PreTrainedConfig:
        """The config of the stock class. Raises `CheckpointError` if a size is not to be found."""
        return stock_config(self.family, self.sections, self.shapes)


def open_folder(path: Path) -> DeepseekCheckpoint:
    """The published checkpoint in a folder.

    Raises `CheckpointError` if its family is unknown, if it has no weights, or if its config.json
    has numbers that no model can have.
    """
    config_json = read_json(path / "config.json")
    family = family_of(config_json)
    headers = read_headers(path)
    n_tensors = sum(len(header.tensors) for header in headers)
    sections = parse_sections(family, config_json, n_tensors)
    return DeepseekCheckpoint(path, config_json, headers, family, sections)


def family_of(config_json: Mapping[str, Any]) -> Family:
    """The family that a config.json names. Raises `CheckpointError` if there is no such family."""
    names = config_json.get("architectures")
    architecture = names[0] if isinstance(names, list) and names else None
    if not isinstance(architecture, str) or architecture not in FAMILIES:
        raise CheckpointError(
            f"config.json has the architectures {names!r}: known are {', '.join(FAMILIES)}"
        )
    return FAMILIES[architecture]


def parse_sections(
    family: Family, config_json: Mapping[str, Any], n_tensors: int
) -> DeepseekConfig:
    """The sections of a family's config.json. Raises `CheckpointError` for impossible numbers."""
    if family is V2:
        return parse_config(V2Config, config_json, n_tensors)
    return parse_config(V1Config, config_json, n_tensors)

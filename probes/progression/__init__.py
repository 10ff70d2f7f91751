"""How much the structures of one person change between two visits, by a symmetric registration."""

from probes.progression.change import Progression, measure_progression
from probes.progression.config import ProgressionConfig
from probes.progression.volumes import StructureChange

__all__ = ["Progression", "ProgressionConfig", "StructureChange", "measure_progression"]

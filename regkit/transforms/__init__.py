"""Maps between worlds. Every one takes points of fixed to points of moving."""

from regkit.transforms.affine import Affine
from regkit.transforms.chain import Chain, links
from regkit.transforms.displacement import DisplacementField
from regkit.transforms.transform import Transform, compose
from regkit.transforms.velocity import VelocityField

__all__ = ["Affine", "Chain", "DisplacementField", "Transform", "VelocityField", "compose", "links"]

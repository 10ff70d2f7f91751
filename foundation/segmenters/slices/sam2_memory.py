"""Sam2Memory: SAM 2 with its memory, for which the slices of a volume are a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from foundation.segmenters.segmenter import Capabilities
from foundation.segmenters.slices.in_slices import SlicedPrompts
from foundation.segmenters.slices.sam2_input import sam2_pixels, sam2_places
from foundation.segmenters.slices.sam2_slices import SAM2_CAPABILITIES
from foundation.segmenters.slices.seen_slices import SeenSlices
from foundation.segmenters.slices.slice_model import SlicePrompts, Walk
from regkit.errors import require

_STRUCTURE = 0  # the one that a session follows
_LOW, _HIGH = 2, 3  # what the network calls the corners of a box, among points


@dataclass
class Sam2Memory:
    """The network of transformers, ``Sam2VideoModel``, going from prompted slices to both sides.

    In every slice it remembers those that were prompted and the last ones of the way; the ways to
    the two sides know nothing of each other. A mask counts as the result of its slice, as it does
    in the package; of neighbouring slices with a mask it is told the one that holds most of it.

    Parameters
    ----------
    network
        Frozen here, and put in evaluation mode.
    capabilities
        As of every segmenter.
    """

    network: Any
    capabilities: Capabilities = SAM2_CAPABILITIES
    name: str = "sam2"
    follows_by: str = "memory"
    _place: Tensor | None = field(default=None, repr=False)  # its code, the same for all pictures

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(False)

    @property
    def side(self) -> int:
        """How many pixels an axis the network sees."""
        return int(self.network.config.image_size)

    def embed(self, picture: Tensor) -> list[Tensor]:
        """Return the features of a picture ``(H, W)`` from 0 to 1, finest first."""
        with torch.no_grad():
            found = self.network.get_image_features(sam2_pixels(picture, self.side))
        self._place = found.fpn_position_encoding[-1]
        return list(found.fpn_hidden_states)

    def choose(self, told: SlicedPrompts) -> SlicedPrompts:
        """Return the slices of a prompt, of neighbours with a mask one."""
        return told.where_largest()

    def begin(self, told: SlicedPrompts, slices: SeenSlices) -> Walk:
        """Look at the slices of a prompt, and return what goes on from each.

        Parameters
        ----------
        told
            As :meth:`choose` returned it.
        slices
            Of the image.
        """
        session = self._session(slices)
        for key in told.keys:
            # One by one: of two slices told before one is looked at, one would be forgotten.
            self._tell(session, key, told.of[key], slices)
            self._look(session, key, slices)
        return partial(self._along, told, slices, _outputs(session, "cond"))

    def _along(
        self, told: SlicedPrompts, slices: SeenSlices, known: Mapping[int, Any], path: range
    ) -> Iterator[Tensor]:
        session = self._session(slices)
        for key, output in known.items():
            session.store_output(_STRUCTURE, key, output_value=output)
        yield _probability(known[path[0]]["pred_masks"], slices)
        for number in path[1:]:
            found = self._look(session, number, slices, reverse=path.step < 0)
            if number in told.of:  # places outside, which correct what memory made of the slice
                self._tell(session, number, told.of[number], slices)
                found = self._look(session, number, slices, reverse=path.step < 0)
            yield _probability(found, slices)
            self._forget(session, number, path.step)

    def _session(self, slices: SeenSlices) -> Any:
        """A session of as many frames as there are slices, whose features are given, not pixels."""
        package = require("transformers", extra="sam2")
        frames = torch.empty(len(slices), 0)
        session = package.Sam2VideoInferenceSession(video=frames, dtype=torch.float32)
        session.obj_id_to_idx(_STRUCTURE)
        return session

    def _tell(self, session: Any, number: int, prompts: SlicePrompts, slices: SeenSlices) -> None:
        if prompts.mask is not None:
            size = (self.side, self.side)
            mask = functional.interpolate(
                prompts.mask[None, None], size, mode="bilinear", antialias=True
            )
            session.add_mask_inputs(_STRUCTURE, number, (mask >= 0.5).float())
        else:
            session.add_point_inputs(_STRUCTURE, number, self._points(prompts, slices))
        session.obj_with_new_inputs = [_STRUCTURE]

    def _points(self, prompts: SlicePrompts, slices: SeenSlices) -> dict[str, Tensor]:
        places = sam2_places(prompts, slices.shape, self.side)
        if "input_boxes" in places:
            corners = places["input_boxes"].reshape(1, 1, 2, 2)
            return {"point_coords": corners, "point_labels": torch.tensor([[[_LOW, _HIGH]]])}
        return {"point_coords": places["input_points"], "point_labels": places["input_labels"]}

    def _look(
        self, session: Any, number: int, slices: SeenSlices, *, reverse: bool = False
    ) -> Tensor:
        features = {"vision_feats": slices[number], "vision_pos_embeds": [self._place]}
        session.cache.cache_vision_features(number, features)
        found = self.network(session, frame_idx=number, reverse=reverse)
        for kind in ("cond", "non_cond"):  # large, and in the memory by now
            _outputs(session, kind).get(number, {}).pop("high_res_masks", None)
        return torch.as_tensor(found.pred_masks)

    def _forget(self, session: Any, number: int, step: int) -> None:
        """Drop what later slices do not look at, so that a long way takes no more memory."""
        settings = self.network.config
        last = max(settings.num_maskmem, settings.max_object_pointers_in_encoder) - 1
        _outputs(session, "non_cond").pop(number - step * last, None)


def _outputs(session: Any, kind: str) -> dict[int, Any]:
    found: dict[int, Any] = session.output_dict_per_obj[_STRUCTURE][f"{kind}_frame_outputs"]
    return found


def _probability(logits: Tensor, slices: SeenSlices) -> Tensor:
    return functional.interpolate(logits, slices.shape, mode="bilinear")[0, 0].sigmoid()

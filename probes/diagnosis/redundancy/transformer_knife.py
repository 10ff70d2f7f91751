"""TransformerKnife: cuts vision transformers by whole heads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from probes.diagnosis.redundancy.knife import HEAD_NORMS, Knife, SlimEncoder, kept_count

_MERGED = 4  # neighbours whose features one layer of a Swin transformer takes side by side


class TransformerKnife(Knife):
    """Cuts vision transformers by whole heads, so that what each looks at stays the same."""

    def plain(self) -> SlimEncoder:
        """Cut a ViT, in which all blocks have the same width."""
        encoder = self._encoder
        embedding = self._whole_heads(encoder.blocks[0].attn.num_heads)
        self._layer(encoder.patch_embed.proj, whole_input=True)
        for name in ("pos_embed", "cls_token", "reg_token", "dist_token"):
            if isinstance(getattr(encoder, name, None), nn.Parameter):
                self._cut(encoder, name, lambda tokens: tokens[..., :embedding])
        for part in _norms(encoder):
            self._norm(part)
        for block in encoder.blocks:
            self._attention(block.attn)
            self._perceptron(block.mlp)
            self._scales(block)
        encoder.embed_dim = encoder.num_features = embedding
        return self._slimmed()

    def windowed(self) -> SlimEncoder:
        """Cut a Swin transformer, whose stages grow in width and have as many more heads."""
        encoder = self._encoder
        stages = list(encoder.layers)
        embedding = self._whole_heads(stages[0].blocks[0].attn.num_heads)
        self._layer(encoder.patch_embed.proj, whole_input=True)
        merging = [each.downsample for each in stages if hasattr(each.downsample, "reduction")]
        wide = {each.norm for each in merging}
        for part in _norms(encoder):
            if part not in wide:
                self._norm(part)
        for each in merging:
            self._merging(each)
        for stage in stages:
            for block in stage.blocks:
                self._attention(block.attn)
                self._perceptron(block.mlp)
        encoder.embed_dim = embedding
        encoder.num_features = len(encoder.norm.weight)
        return self._slimmed()

    def _whole_heads(self, heads: int) -> int:
        """Take the width that whole heads allow, and return that of the embedding."""
        self._width = kept_count(heads, self._width) / heads
        return kept_count(self._encoder.embed_dim, self._width)

    def _merging(self, part: Any) -> None:
        """The first part of the features of each neighbour."""
        every = torch.arange(part.reduction.in_features).reshape(_MERGED, -1)
        columns = every[:, : kept_count(every.shape[1], self._width)].flatten()
        self._norm(part.norm, columns)
        self._layer(part.reduction, columns=columns)

    def _perceptron(self, perceptron: Any) -> None:
        """Where the first layer holds gates as well, the first part of each."""
        first, hidden = perceptron.fc1, perceptron.fc2.in_features
        every = torch.arange(first.out_features).reshape(-1, hidden)
        self._layer(first, rows=every[:, : kept_count(hidden, self._width)].flatten())
        self._layer(perceptron.fc2)

    def _attention(self, attention: Any) -> None:
        heads, size = attention.num_heads, attention.qkv.out_features // 3 // attention.num_heads
        kept = kept_count(heads, self._width)
        every = torch.arange(3 * heads * size).reshape(3, heads, size)
        self._layer(attention.qkv, rows=every[:, :kept].flatten())
        self._layer(attention.proj)
        if isinstance(getattr(attention, "relative_position_bias_table", None), Tensor):
            self._cut(attention, "relative_position_bias_table", lambda table: table[:, :kept])
        attention.num_heads = kept
        if hasattr(attention, "attn_dim"):
            attention.attn_dim = kept * size


def _norms(encoder: nn.Module) -> Iterable[nn.LayerNorm]:
    """Those of the width of the embedding; heads keep their own size, and so do their norms."""
    return [
        part
        for name, part in encoder.named_modules()
        if isinstance(part, nn.LayerNorm) and not name.endswith(HEAD_NORMS)
    ]

"""Run the U-Net of OpenAI's guided diffusion (ADM) up to the block whose output is wanted.

Dhariwal and Nichol, NeurIPS 2021. Modules carry the names of the released checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class ADMShape:
    """The sizes of a network; by default those of ``256x256_diffusion_uncond.pt``.

    ``attention`` holds the strides at which blocks attend, ``heads`` the channels of a head.
    """

    channels: int = 256
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    blocks: int = 2
    attention: tuple[int, ...] = (8, 16, 32)
    heads: int = 64
    inputs: int = 3


class Residual(nn.Module):
    """Two convolutions around a timestep's scale and shift; may halve or double the size."""

    def __init__(self, inputs: int, outputs: int, embedding: int, resize: float = 1) -> None:
        super().__init__()
        self.resize = resize
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * outputs))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, outputs),
            nn.SiLU(),
            nn.Identity(),  # dropout in training
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        same = inputs == outputs
        self.skip_connection = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Take ``x (N, inputs, H, W)`` and ``embedding (N, width)`` to ``(N, outputs, H', W')``."""
        norm, active, convolve = self.in_layers
        h = convolve(_resized(active(norm(x)), self.resize))
        scale, shift = self.emb_layers(embedding)[..., None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        out: Tensor = self.skip_connection(_resized(x, self.resize)) + h
        return out


class Attention(nn.Module):
    """Self-attention of all pixels; heads before queries, keys and values."""

    def __init__(self, channels: int, head: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head)
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, _embedding: Tensor) -> Tensor:
        """Attend over the pixels of ``(N, C, H, W)``; the shape stays."""
        n, c, h, w = x.shape
        flat = x.reshape(n, c, h * w)
        qkv = self.qkv(self.norm(flat)).reshape(n, self.heads, 3 * c // self.heads, h * w)
        q, k, v = (part.transpose(2, 3) for part in qkv.chunk(3, dim=2))
        seen = functional.scaled_dot_product_attention(q, k, v).transpose(2, 3)
        out: Tensor = flat + self.proj_out(seen.reshape(n, c, h * w))
        return out.reshape(n, c, h, w)


class TimedBlock(nn.ModuleList):
    """Layers one after the other; all but a plain convolution see the timestep."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Run the layers on ``x (N, C, H, W)`` with the embedding of the timestep."""
        for layer in self:
            x = layer(x) if isinstance(layer, nn.Conv2d) else layer(x, embedding)
        return x


class ADM(nn.Module):
    """The network up to and with the block ``last``, whose output it returns.

    Parameters
    ----------
    last
        ``input_blocks.N``, ``middle_block`` or ``output_blocks.N``.

    Examples
    --------
    >>> net = ADM(ADMShape(channels=32), "input_blocks.4")
    >>> net(torch.zeros(1, 3, 16, 16), torch.zeros(1)).shape
    torch.Size([1, 32, 8, 8])
    """

    def __init__(self, shape: ADMShape, last: str) -> None:
        super().__init__()
        self.shape = shape
        wide = 4 * shape.channels
        self.time_embed = nn.Sequential(
            nn.Linear(shape.channels, wide), nn.SiLU(), nn.Linear(wide, wide)
        )
        kind, _, number = last.partition(".")
        down, kept = _down(shape)
        used = int(number) + 1 if kind == "input_blocks" else len(down)
        self.input_blocks = nn.ModuleList(down[:used])
        if kind != "input_blocks":
            self.middle_block = _middle(shape)
        if kind == "output_blocks":
            self.output_blocks = nn.ModuleList(_up(shape, kept)[: int(number) + 1])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Run the network on ``(N, 3, H, W)`` in [-1, 1] at timesteps ``(N,)``."""
        embedding = self.time_embed(timestep_embedding(t, self.shape.channels))
        kept = []
        for block in self.input_blocks:
            x = block(x, embedding)
            kept.append(x)
        if hasattr(self, "middle_block"):
            x = self.middle_block(x, embedding)
        for block in getattr(self, "output_blocks", ()):
            x = block(torch.cat([x, kept.pop()], dim=1), embedding)
        return x


def block_names(shape: ADMShape) -> list[str]:
    """List the blocks that ``last`` of :class:`ADM` can name."""
    down = len(shape.multipliers) * (shape.blocks + 1)
    ways = {"input_blocks": down, "output_blocks": down}
    numbered = [f"{kind}.{n}" for kind, count in ways.items() for n in range(count)]
    return [*numbered, "middle_block"]


def timestep_embedding(t: Tensor, width: int) -> Tensor:
    """Embed timesteps ``(N,)`` as ``(N, width)``: cosines, then sines, of 1 to 1/10000 of ``t``."""
    half = width // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)
    angles = t.float()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def _down(shape: ADMShape) -> tuple[list[TimedBlock], list[int]]:
    """Build the encoder, and list the channels that each of its blocks keeps for the decoder."""
    now = shape.channels * shape.multipliers[0]
    blocks = [TimedBlock([nn.Conv2d(shape.inputs, now, 3, padding=1)])]
    kept = [now]
    for level, times in enumerate(shape.multipliers):
        for _ in range(shape.blocks):
            blocks.append(_block(shape, now, times * shape.channels, 2**level))
            now = times * shape.channels
            kept.append(now)
        if level < len(shape.multipliers) - 1:
            blocks.append(TimedBlock([Residual(now, now, 4 * shape.channels, 0.5)]))
            kept.append(now)
    return blocks, kept


def _middle(shape: ADMShape) -> TimedBlock:
    wide = shape.channels * shape.multipliers[-1]
    residuals = [Residual(wide, wide, 4 * shape.channels) for _ in range(2)]
    return TimedBlock([residuals[0], Attention(wide, shape.heads), residuals[1]])


def _up(shape: ADMShape, kept: list[int]) -> list[TimedBlock]:
    left, now = list(kept), shape.channels * shape.multipliers[-1]
    blocks = []
    for level, times in reversed(list(enumerate(shape.multipliers))):
        for number in range(shape.blocks + 1):
            block = _block(shape, now + left.pop(), times * shape.channels, 2**level)
            now = times * shape.channels
            if level and number == shape.blocks:
                block.append(Residual(now, now, 4 * shape.channels, 2))
            blocks.append(block)
    return blocks


def _block(shape: ADMShape, inputs: int, outputs: int, stride: int) -> TimedBlock:
    block = TimedBlock([Residual(inputs, outputs, 4 * shape.channels)])
    if stride in shape.attention:
        block.append(Attention(outputs, shape.heads))
    return block


def _resized(x: Tensor, by: float) -> Tensor:
    if by == 1:
        return x
    return functional.avg_pool2d(x, 2) if by < 1 else functional.interpolate(x, scale_factor=by)

"""The network: reads a goal, or a statement and the tactics so far; writes a tactic; judges one that was written;
says how many are still needed.

A causal transformer: RMS norms, rotary positions (Su et al. 2021), normed queries and keys, squared ReLU, and the
embedding used again to write. The value is a distribution over the remaining tactics, as in AlphaProof (2025), read
where a tactic begins. What a tactic is worth is read where it ends.
"""

from __future__ import annotations

from typing import Protocol, cast

from q35.errors import InputError
from q35prover.train.config import TrainingConfig

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as error:
    raise InputError("the neural policy needs torch", fix="pip install 'q35[prover]'") from error

REMAINING = (1, 2, 3, 4, 5, 6, 8, 11, 16, 24)
"""The classes of the value: so many remaining tactics, or more but fewer than the next class; the last has no end."""

_ROTARY_BASE = 10_000.0


def remaining_class(remaining: int) -> int:
    """The class that `remaining` tactics, at least 1, fall into."""
    return max(index for index, least in enumerate(REMAINING) if least <= remaining)


class Attend(Protocol):
    """What a layer's queries see, all `[batch, heads, length, channels]`; the result has the shape of `queries`.

    `memory` `[2, batch, heads, length, channels]` are the keys and the values.
    """

    def __call__(self, layer: int, queries: Tensor, memory: Tensor) -> Tensor: ...


def causal(layer: int, queries: Tensor, memory: Tensor) -> Tensor:
    """Every token sees itself and what precedes it."""
    return functional.scaled_dot_product_attention(queries, memory[0], memory[1], is_causal=True)


class Reading:
    """As `causal`, and keeps the memory of one text (batch 1), for tactics to be written after it."""

    def __init__(self) -> None:
        self.memories: list[Tensor] = []

    def __call__(self, layer: int, queries: Tensor, memory: Tensor) -> Tensor:
        self.memories.append(memory)
        return causal(layer, queries, memory)


class Apart:
    """Several tactics after one text in one sequence, each of which sees the text and itself.

    `parts` `[batch, length]` are 0 for the text, and a number for each tactic.
    """

    def __init__(self, parts: Tensor) -> None:
        same = parts[:, :, None] == parts[:, None, :]
        self.mask = ((parts[:, None, :] == 0) | same).tril()[:, None]

    def __call__(self, layer: int, queries: Tensor, memory: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(queries, memory[0], memory[1], attn_mask=self.mask)


class After:
    """Several tactics `[tactics, length]` after a text that was read: each sees the text and itself."""

    def __init__(self, reading: Reading) -> None:
        self.text = reading.memories

    def __call__(self, layer: int, queries: Tensor, memory: Tensor) -> Tensor:
        tactics, length = queries.shape[0], queries.shape[2]
        keys, values = torch.cat([self.text[layer].expand(-1, tactics, -1, -1, -1), memory], dim=3)
        seen = torch.ones(length, keys.shape[2], dtype=torch.bool).tril(keys.shape[2] - length)
        return functional.scaled_dot_product_attention(queries, keys, values, attn_mask=seen)


class Writing:
    """Several continuations of one text, a token each at a time: each sees the text, its own past tokens and itself.

    The text is held once. `parents` `[batch]` says, before each token but the first, which continuation each goes on
    from.
    """

    def __init__(self, reading: Reading) -> None:
        self.text = reading.memories
        self.own: list[Tensor] = []
        self.parents = torch.empty(0, dtype=torch.int64)

    def __call__(self, layer: int, queries: Tensor, memory: Tensor) -> Tensor:
        if layer == len(self.own):
            self.own.append(memory)
        else:
            self.own[layer] = torch.cat([self.own[layer].index_select(1, self.parents), memory], dim=3)
        text, own = self.text[layer][:, 0], self.own[layer]
        length, scale = text.shape[2], queries.shape[3] ** -0.5
        # The text's keys are one matrix for all continuations: [heads, batch, channels] x [heads, channels, length].
        of_text = queries.squeeze(2).transpose(0, 1) @ text[0].mT
        of_own = (queries @ own[0].mT).squeeze(2).transpose(0, 1)
        weights = (torch.cat([of_text, of_own], dim=2) * scale).softmax(2)
        seen = weights[..., :length] @ text[1]
        return seen.transpose(0, 1).unsqueeze(2) + weights[..., length:].transpose(0, 1).unsqueeze(2) @ own[1]


class Network(nn.Module):  # type: ignore[misc]
    """Tokens to hidden vectors, and what is read off those."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.blocks = nn.ModuleList(_Block(config, layer) for layer in range(config.layers))
        self.norm = nn.RMSNorm(config.width)
        # Turns a hidden vector towards the embedding of the token to be written. Shared embeddings alone would begin
        # with the token just read; a matrix of its own for each token could not copy names that are rare.
        self.turn = nn.Linear(config.width, config.width, bias=False)
        self.write: nn.Module = _Shared(self.embedding)
        self.value = nn.Linear(config.width, len(REMAINING))
        self.worth = nn.Linear(config.width, 1)
        channels = config.width // config.heads
        speeds = _ROTARY_BASE ** -(torch.arange(0, channels, 2).float() / channels)
        angles = torch.outer(torch.arange(config.context).float(), speeds)
        self.register_buffer("rotations", torch.stack([angles.cos(), angles.sin()]), persistent=False)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        nn.init.zeros_(self.turn.weight)

    def forward(
        self, tokens: Tensor, attend: Attend = causal, start: int = 0, positions: Tensor | None = None
    ) -> Tensor:
        """The hidden vectors `[batch, length, width]` of `tokens` `[batch, length]`, at `positions` `[batch, length]`,
        or one after the other from `start` on."""
        if positions is None:
            rotations = self.rotations[:, start : start + tokens.shape[1]]
        else:
            rotations = self.rotations[:, positions][:, :, None]
        x = functional.rms_norm(self.embedding(tokens), (self.config.width,))
        for block in self.blocks:
            x = block(x, rotations, attend)
        return cast(Tensor, self.norm(x))

    def next_token(self, hidden: Tensor) -> Tensor:
        """Logits `[..., vocabulary]` of the token after each hidden vector."""
        return cast(Tensor, self.write(self.turn(hidden)))

    def remaining(self, hidden: Tensor) -> Tensor:
        """Logits `[..., classes]` of the remaining tactics, at hidden vectors of the mark `TACTIC`."""
        return cast(Tensor, self.value(hidden))

    def judged(self, hidden: Tensor) -> Tensor:
        """Logits `[...]` of the probability that a tactic leads on to a proof, at hidden vectors of its mark `END`."""
        return cast(Tensor, self.worth(hidden)).squeeze(-1)


class _Shared(nn.Module):  # type: ignore[misc]
    """The product with an embedding's weights, which stay the embedding's."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.embedding = (embedding,)  # in a tuple it is no child of this module

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.embedding[0].weight)


class _Block(nn.Module):  # type: ignore[misc]
    """Attention, then a layer of its own for each token; what leaves both begins at zero."""

    def __init__(self, config: TrainingConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.heads = layer, config.heads
        self.attention_norm = nn.RMSNorm(config.width)
        self.attention_in = nn.Linear(config.width, 3 * config.width, bias=False)
        self.attention_out = nn.Linear(config.width, config.width, bias=False)
        self.norm = nn.RMSNorm(config.width)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        nn.init.zeros_(self.attention_out.weight)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor, rotations: Tensor, attend: Attend) -> Tensor:
        batch, length, width = x.shape
        split = self.attention_in(self.attention_norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        turned = _rotated(split[:2], rotations)
        seen = attend(self.layer, turned[0], torch.stack([turned[1], split[2]]))
        x = x + self.attention_out(seen.transpose(1, 2).reshape(batch, length, width))
        return cast(Tensor, x + self.down(functional.relu(self.up(self.norm(x))).square()))


def _rotated(x: Tensor, rotations: Tensor) -> Tensor:
    """`x` `[..., length, channels]` normed and turned by its position's angles."""
    first, second = functional.rms_norm(x, x.shape[-1:]).chunk(2, dim=-1)
    cos, sin = rotations.to(x.dtype)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)

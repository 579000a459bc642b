from __future__ import annotations

import torch
from torch import nn

from datacurate.training.data import IGNORED
from datacurate.training.model import Attention, Decoder, Shape, document_mask, losses, rotary, rotate

SHAPE = Shape(vocabulary=64, layers=2, width=32, heads=4, kv_heads=2, sequence_length=12)
DOCUMENTS = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]])


def model() -> Decoder:
    made = Decoder(SHAPE)
    made.initialise(0)
    return made


def reach(documents) -> torch.Tensor:
    """Whether the output at each place (row) depends on the input at each place (column), by gradients."""
    made, ids = model(), torch.arange(12)[None]
    seen = []
    for place in range(12):
        x = made.embedding(ids).detach().requires_grad_()
        hidden = x
        for block in made.blocks:
            hidden = block(hidden, made.turn, None if documents is None else document_mask(documents))
        made.norm(hidden)[0, place].square().sum().backward()
        seen.append(x.grad[0].abs().sum(-1) > 0)
    return torch.stack(seen)


def test_no_place_sees_later_ones():
    assert torch.equal(reach(None), torch.ones(12, 12).tril().bool())


def test_no_place_sees_another_document():
    same = DOCUMENTS[0][:, None] == DOCUMENTS[0][None, :]
    assert torch.equal(reach(DOCUMENTS), same.tril())


def test_a_document_reads_the_same_wherever_it_stands():
    made = model()
    alone = made(torch.tensor([[7, 8, 9, 3]]))
    inside = made(torch.tensor([[1, 2, 3, 4, 7, 8, 9, 3]]), torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2]]))
    torch.testing.assert_close(inside[:, 4:], alone, atol=1e-5, rtol=1e-4)


def test_rotation_keeps_lengths_and_depends_on_distance_only():
    q, k = torch.randn(2, 1, 1, 1, 8)
    turned = [rotate(v.expand(1, 1, 12, 8), rotary(12, 8)) for v in (q, k)]
    torch.testing.assert_close(turned[0].norm(dim=-1), q.norm().expand(1, 1, 12))
    scores = turned[0][0, 0] @ turned[1][0, 0].T
    torch.testing.assert_close(scores[3, 1], scores[9, 7])
    assert not torch.isclose(scores[3, 1], scores[3, 2])


def test_grouped_queries_are_full_attention_with_repeated_keys():
    grouped = Attention(SHAPE)
    full = Attention(Shape(64, 2, 32, 4, 4, 12))
    weights = grouped.state_dict()
    for name in ("key.weight", "value.weight"):
        weights[name] = weights[name].unflatten(0, (2, 8)).repeat_interleave(2, 0).flatten(0, 1)
    full.load_state_dict(weights)
    x, turn = torch.randn(2, 12, 32), rotary(12, 8)
    torch.testing.assert_close(grouped(x, turn, None), full(x, turn, None))


def test_ignored_places_have_no_loss_and_no_gradient():
    logits = torch.randn(1, 3, 64, requires_grad=True)
    made = losses(logits, torch.tensor([[5, IGNORED, 6]]))
    made.sum().backward()
    assert made[0, 1] == 0 and logits.grad[0, 1].abs().sum() == 0 and (made[0, [0, 2]] > 0).all()
    expected = nn.functional.cross_entropy(logits[0, [0, 2]], torch.tensor([5, 6]), reduction="sum")
    torch.testing.assert_close(made.sum(), expected)


def test_embeddings_are_tied_and_the_seed_makes_the_weights():
    assert not any("head" in n for n, _ in model().named_parameters())
    one, two, other = model(), model(), Decoder(SHAPE)
    other.initialise(1)
    assert torch.equal(one.embedding.weight, two.embedding.weight)
    assert not torch.equal(one.embedding.weight, other.embedding.weight)

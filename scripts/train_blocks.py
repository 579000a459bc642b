"""Trains the classifiers of `extract: {engine: blocks}` and judges them on hosts that they have not seen.

    python scripts/train_blocks.py [--shared ../shared]

reads `web_pages` and `docs_pages` of the data folder beside the checkout, and writes

- `datacurate/data/blocks/trees.npz`: trained on all pages;
- `tests/quality/blocks_folds.npz`: for each fold of hosts the classifiers that were trained on the other folds, so
  that a test can judge every page by one that never saw its host.

It prints the scores of these folds. Needs scikit-learn and trafilatura; takes about ten minutes on one core. What a
block's label is, `blocks_labels.py` says.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from blocks_labels import Example, examples
from blocks_scores import scores
from sklearn.ensemble import HistGradientBoostingRegressor
from train_folds import FOLDS, fold_of

from datacurate.kernels.block_features import FEATURES
from datacurate.kernels.block_second import SECOND, second_features
from datacurate.kernels.trees import Trees, evaluate
from datacurate.stages._blocks import THRESHOLD, together

ROOT = Path(__file__).resolve().parent.parent
SHARPNESS = {
    "max_iter": 80, "learning_rate": 0.12, "max_leaf_nodes": 24,
    "min_samples_leaf": 25, "l2_regularization": 5.0, "max_features": 0.3, "max_bins": 63,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip


def fitted(pages: list[Example], features: list[np.ndarray]) -> Trees:
    """A classifier of blocks. Blocks of little weight are thinned out, and weigh more instead."""
    weight = np.concatenate([page.weight for page in pages])
    share = np.minimum(1, np.maximum(weight / np.quantile(weight, 0.7), 0.15))
    taken = np.random.RandomState(0).rand(len(weight)) < share
    rows = np.concatenate(features)[taken]
    label = np.concatenate([page.label for page in pages])[taken]
    model = HistGradientBoostingRegressor(**SHARPNESS)
    return flat(model.fit(rows, label, sample_weight=(weight / share)[taken]))


def flat(model: HistGradientBoostingRegressor) -> Trees:
    """scikit-learn's trees as arrays, nodes in breadth-first order."""
    nodes: list[tuple[int, float, int, float]] = []
    roots, depths = [], []
    for [tree] in model._predictors:
        start, waiting = len(nodes), [0]
        roots.append(start)
        depths.append(int(tree.nodes["depth"].max()))
        for at in waiting:
            one = tree.nodes[at]
            if one["is_leaf"]:
                nodes.append((0, np.inf, len(nodes), one["value"]))
            else:
                nodes.append((one["feature_idx"], one["num_threshold"], start + len(waiting), 0.0))
                waiting += [one["left"], one["right"]]
    feature, bound, left, value = zip(*nodes, strict=True)
    return Trees(
        np.array(roots, np.uint16),
        np.array(depths, np.uint8),
        np.array(feature, np.uint16),
        np.array(bound, np.float32),
        np.array(left, np.uint16),
        np.array(value, np.float32),
        np.array(np.ravel(model._baseline_prediction), np.float32)[:1],
    )


def values(trees: Trees, rows: np.ndarray) -> np.ndarray:
    """What the classifier makes of each row."""
    out = np.empty(len(rows), np.float32)
    evaluate(*trees, np.ascontiguousarray(rows), out)
    return out


def with_second(page: Example, first: np.ndarray) -> np.ndarray:
    """The features of the second classifier."""
    rows = np.concatenate([page.features, np.zeros((len(first), len(SECOND)), np.float32)], axis=1)
    second_features(page.blocks.rows, page.blocks.parents, page.blocks.codes, first, rows, len(FEATURES))
    return rows


def train(pages: list[Example], parts: list[int]) -> tuple[Trees, Trees]:
    """Both classifiers; the second learns from what first ones make of parts that they have not seen."""
    firsts: dict[int, np.ndarray] = {}
    for part in sorted(set(parts)):
        rest = [page for page, own in zip(pages, parts, strict=True) if own != part]
        one = fitted(rest, [page.features for page in rest])
        firsts |= {at: values(one, pages[at].features) for at, own in enumerate(parts) if own == part}
    second = fitted(pages, [with_second(page, firsts[at]) for at, page in enumerate(pages)])
    return fitted(pages, [page.features for page in pages]), second


def judged(trees: tuple[Trees, Trees], page: Example) -> np.ndarray:
    """What both classifiers make of a page together."""
    first = values(trees[0], page.features)
    return together(first, values(trees[1], with_second(page, first)))


def saved(path: Path, models: list[tuple[Trees, Trees]]) -> None:
    """Write classifiers, numbered from 1 on."""
    trees = [tree for pair in models for tree in pair]
    arrays = {f"{name}{at}": part for at, tree in enumerate(trees, 1) for name, part in tree._asdict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    pages = examples(parser.parse_args().shared / "data")
    folds = [fold_of(page.site) for page in pages]
    models, guesses = [], [np.empty(0)] * len(pages)
    for fold in range(FOLDS):
        rest = [at for at, own in enumerate(folds) if own != fold]
        models.append(train([pages[at] for at in rest], [folds[at] for at in rest]))
        for at, own in enumerate(folds):
            if own == fold:
                guesses[at] = judged(models[-1], pages[at])
        print(f"fold {fold}", file=sys.stderr, flush=True)
    saved(ROOT / "tests/quality/blocks_folds.npz", models)
    for threshold in (0.4, 0.45, THRESHOLD, 0.55):
        print(threshold, json.dumps(scores(pages, guesses, threshold)), flush=True)
    saved(ROOT / "datacurate/data/blocks/trees.npz", [train(pages, folds)])


if __name__ == "__main__":
    main()

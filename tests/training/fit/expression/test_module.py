"""What happens within a run: which layers learn, how fast, what is averaged, and what the figures are of."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mien.core.errors import RecipeError
from mien.training.data.batches import Batch
from mien.training.data.mixing import mix_batch
from mien.training.data.sections import Augment
from mien.training.data.table import open_dataset
from mien.training.fit.checkpoint import load_checkpoint
from mien.training.fit.expression.losses import measure_loss
from mien.training.fit.expression.module import ExpressionModule
from mien.training.fit.keeper import Keeper
from mien.training.fit.recipes import make_recipe
from mien.training.fit.restore import kept_weights, restore_network
from mien.training.fit.trainer import train
from mien.training.models.preprocess import standardize, to_planes
from mien.training.models.registry import build_network

SMALL = {"network": "vgg-bn", "options": {"width": 4}, "epochs": 3, "batch_size": 32, "seed": 5}
PLAIN = dict.fromkeys(Augment.model_fields, 0.0)


def build(seed=5):
    torch.manual_seed(seed)
    return build_network("vgg-bn", classes=7, channels=1, options={"width": 4})


@pytest.fixture
def watch(faces, tmp_path, monkeypatch):
    """Return a function that trains a recipe, and gives the run and each epoch's checkpoint."""

    def run(fields):
        checkpoints, keep = [], Keeper.on_train_epoch_end

        def look(self, trainer, module):
            keep(self, trainer, module)
            checkpoints.append(load_checkpoint(self.run.last_path))

        monkeypatch.setattr(Keeper, "on_train_epoch_end", look)
        return train(make_recipe(SMALL | fields), faces, tmp_path / "run"), checkpoints

    return run


def learning(checkpoint):
    """Return the weights that learn, under the network's own names."""
    state = checkpoint["state_dict"]
    return {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}


def same(one, two, layers=range(99)):
    """Whether all values of some children of the network are the same to the bit."""
    names = [name for name in one if int(name.split(".")[0]) in layers]
    assert names
    return all(torch.equal(one[name], two[name]) for name in names)


@pytest.mark.parametrize(
    "fields",
    [{}, {"ema": 0.0}, {"ema": 0.0, "swa": {"share": 0.67}}],
    ids=["moving average", "none", "equal average"],
)
def test_the_figures_of_every_epoch_are_those_of_the_weights_it_keeps(watch, faces, fields):
    run, checkpoints = watch(fields)
    dataset = open_dataset(faces)
    rows = dataset.rows_of("validation")
    planes = standardize(to_planes(torch.from_numpy(np.array(dataset.images[rows]))))
    labels = torch.from_numpy(dataset.table["label"][rows].astype(np.int64))
    network = build().eval()
    for record, checkpoint in zip(run.history(), checkpoints, strict=True):
        network.load_state_dict(kept_weights(checkpoint))
        with torch.inference_mode():
            loss = F.cross_entropy(network(planes), labels)
        assert record.validation_loss == pytest.approx(loss.item(), rel=1e-3)


def test_the_last_epochs_are_averaged_alike_at_a_rate_of_their_own(watch):
    run, checkpoints = watch({"epochs": 5, "ema": 0.0, "swa": {"share": 0.6, "lr": 0.03}, "optimizer": {"lr": 0.1}})
    rates = [record.lr for record in run.history()]
    assert rates[2:] == [0.03] * 3
    assert rates[0] < rates[1] < 0.1, "the schedule ran its course before: a rise, and a fall to almost nothing"
    weights = [learning(checkpoint) for checkpoint in checkpoints]
    for epoch, checkpoint in enumerate(checkpoints):
        kept = kept_weights(checkpoint)
        averaged = weights[2 : epoch + 1] or [weights[epoch]]
        for name in ("0.0.weight", "0.1.running_mean", "0.1.bias"):
            assert torch.allclose(kept[name], torch.stack([each[name] for each in averaged]).mean(0), atol=1e-6)
    assert not same(weights[-1], kept_weights(checkpoints[-1]))


@pytest.mark.parametrize("average", [{"ema": 0.9}, {"ema": 0.0, "swa": {"share": 1.0}}], ids=["moving", "equal"])
def test_frozen_layers_and_their_statistics_stay_to_the_bit_while_the_rest_learns(watch, trained, average):
    _, checkpoints = watch(average | {"transfer": {"init": str(trained.path), "freeze_layers": 3}})
    begin = restore_network(trained).state_dict()
    frozen = (0, 1, 3)  # between them lies a pooling
    for checkpoint in checkpoints:
        assert same(begin, learning(checkpoint), frozen)
        assert same(begin, kept_weights(checkpoint), frozen)
        assert not any(same(begin, learning(checkpoint), [layer]) for layer in (4, 6, 7, 9, 10, 14))


def test_layers_frozen_for_some_epochs_learn_after_them(watch, trained):
    transfer = {"init": str(trained.path), "freeze_layers": 3, "freeze_epochs": 2}
    _, checkpoints = watch({"transfer": transfer})
    begin = restore_network(trained).state_dict()
    first, second, third = map(learning, checkpoints)
    assert same(begin, first, (0, 1, 3))
    assert same(begin, second, (0, 1, 3))
    assert not any(same(begin, third, [layer]) for layer in (0, 1, 3))


def test_the_history_shows_the_rate_of_the_head(watch):
    fields = {"schedule": {"name": "constant"}, "optimizer": {"lr": 0.02, "layer_decay": 0.5}, "ema": 0.0}
    run, checkpoints = watch(fields | {"swa": {"share": 0.33, "lr": 0.01}})
    assert [record.lr for record in run.history()] == [0.02, 0.02, 0.01]
    rates = [group["lr"] for group in checkpoints[-1]["optimizer_states"][0]["param_groups"]]
    assert sorted(set(rates)) == pytest.approx([0.01 * 0.5**behind for behind in reversed(range(9))])


@pytest.mark.parametrize("network", ["vgg-bn", "cnn3"])
def test_a_head_that_may_not_learn_is_refused_before_anything_is_written(faces, tmp_path, network):
    recipe = make_recipe({"network": network, "transfer": {"init": "a run", "freeze_layers": 9}})
    with pytest.raises(RecipeError, match="freeze_layers is 9"):
        train(recipe, faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["cross-entropy", "focal"])
def test_a_mixed_batch_is_learned_by_its_mixed_targets_and_counted_by_its_own_labels(name):
    fields = {"augment": PLAIN, "mix": {"mixup": 1.0}, "options": {"width": 4, "dropout": 0.0}, "loss": {"name": name}}
    recipe = make_recipe(SMALL | fields)
    module = ExpressionModule(build(), recipe, None, steps_per_epoch=1)
    labels = torch.arange(7)
    images = torch.randint(0, 256, (7, 48, 48), dtype=torch.uint8)
    batch = Batch(images, F.one_hot(labels).float(), labels)
    torch.manual_seed(3)
    loss = module.training_step(batch, 0)
    torch.manual_seed(3)
    planes, targets = mix_batch(to_planes(images), batch.targets, recipe.mix)
    assert not torch.equal(targets, batch.targets)
    logits = module.network(standardize(planes))
    assert loss.item() == pytest.approx(measure_loss(logits, targets, recipe.loss).item(), rel=1e-5)
    assert loss.item() != pytest.approx(measure_loss(logits, batch.targets, recipe.loss).item(), rel=1e-5)
    assert module.train_tally.means()[0] == pytest.approx(F.cross_entropy(logits, labels).item(), rel=1e-5)

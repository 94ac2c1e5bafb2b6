import numpy as np
import pytest

from mien.core.errors import DataError, InputError

torch = pytest.importorskip("torch", reason="batches need the train extra")

from mien.training.data.batches import Batch, Batches, load_pictures  # noqa: E402

HAPPY, FEAR = 3, 2
COLUMN = {"neutral": 0, "happy": 1, "fear": 6, "contempt": 7, "unknown": 8}
"""Of FER+."""


def make_batches(count, batch_size, **options):
    """Each picture's only pixel, and its label, is its number."""
    numbers = torch.arange(count)
    pictures = Batch(numbers.to(torch.uint8).view(-1, 1, 1), torch.zeros(count, 7), numbers)
    return Batches(pictures, batch_size, **options)


def order(batches):
    return [batch.labels.tolist() for batch in batches]


def shown(batches):
    return [number for numbers in order(batches) for number in numbers]


def test_without_a_seed_the_order_is_the_splits_own():
    assert order(make_batches(5, 2)) == [[0, 1], [2, 3], [4]]


def test_pictures_targets_and_labels_stay_together():
    for batch in make_batches(50, 8, seed=1):
        assert batch.images.flatten().tolist() == batch.labels.tolist()
        assert batch.images.dtype == torch.uint8
        assert len(batch.targets) == len(batch.labels)


def test_an_epoch_shows_each_picture_once():
    assert sorted(shown(make_batches(50, 8, seed=1))) == list(range(50))


def test_the_order_depends_on_seed_and_epoch_alone():
    batches, again, other = make_batches(50, 8, seed=1), make_batches(50, 8, seed=1), make_batches(50, 8, seed=2)
    first = order(batches)
    assert order(batches) == first, "iterating does not move on by itself"
    batches.set_epoch(3)
    torch.manual_seed(99)
    torch.rand(7)
    again.set_epoch(3)
    assert order(batches) == order(again) != first
    other.set_epoch(3)
    assert order(other) != order(again)
    batches.set_epoch(0)
    assert order(batches) == first


def test_iterating_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    order(make_batches(50, 8, seed=1, weights=torch.ones(50)))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("count", "batch_size", "seed", "sizes"),
    [
        (5, 2, 1, [2, 2]),  # the last one alone: batch norm can't learn from it
        (5, 2, None, [2, 2, 1]),  # scored all the same
        (6, 4, 1, [4, 2]),
        (4, 2, 1, [2, 2]),
        (1, 2, 1, [1]),  # there is no other
        (0, 2, 1, []),
    ],
)
def test_a_last_single_picture_is_left_out_only_while_shuffling(count, batch_size, seed, sizes):
    batches = make_batches(count, batch_size, seed=seed)
    assert [len(batch.labels) for batch in batches] == sizes
    assert len(batches) == len(sizes)


def test_weights_balance_what_is_drawn():
    """A class of a tenth, with nine times the weight, is seen as often as the other."""
    weights = torch.where(torch.arange(200) < 20, 9.0, 1.0)
    batches = make_batches(200, 20, seed=1, weights=weights)
    shares = []
    for epoch in range(20):
        batches.set_epoch(epoch)
        shares.append(np.mean([number < 20 for number in shown(batches)]))
    assert 0.47 < np.mean(shares) < 0.53
    assert len(set(shares)) > 5
    assert all(len(numbers) == 20 for numbers in order(batches))


def test_rows_without_weight_are_never_drawn():
    weights = torch.where(torch.arange(50) < 10, 1.0, 0.0)
    assert max(shown(make_batches(50, 8, seed=1, weights=weights))) < 10


def test_weights_without_a_seed_are_refused():
    with pytest.raises(InputError, match="seed"):
        make_batches(5, 2, weights=torch.ones(5))


def test_labels_become_one_hot_targets(make_dataset):
    dataset = make_dataset((0, HAPPY, 1), (1, FEAR, 2), (0, 0, 3))
    batch = load_pictures(dataset, dataset.rows_of("train"))
    assert (batch.labels.tolist(), batch.labels.dtype) == ([HAPPY, 0], torch.int64)
    assert batch.targets.dtype == torch.float32
    assert batch.targets.tolist() == [[0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]]
    assert np.array_equal(batch.images.numpy(), dataset.images[[0, 2]])


def test_rows_may_come_in_any_order_and_more_than_once(make_dataset):
    dataset = make_dataset((0, 0, 1), (0, 1, 2), (0, 2, 3))
    assert load_pictures(dataset, np.array([2, 0, 2])).labels.tolist() == [2, 0, 2]


def test_pictures_are_copied_from_disk(synthetic):
    rows = synthetic.rows_of("test")
    batch = load_pictures(synthetic, rows)
    before = np.array(synthetic.images[rows])
    batch.images.zero_()
    assert np.array_equal(synthetic.images[rows], before)


@pytest.fixture
def voted(make_dataset):
    """Four rows labeled happy: ten votes in three columns; one vote; votes for what we don't know; none."""
    dataset = make_dataset(*[(0, HAPPY, shade) for shade in range(4)], has_votes=True)
    votes = dataset.table["votes"]
    votes[0, [COLUMN["happy"], COLUMN["fear"], COLUMN["neutral"]]] = 6, 3, 1
    votes[1, COLUMN["fear"]] = 1
    votes[2, [COLUMN["contempt"], COLUMN["unknown"]]] = 4, 6
    return dataset


def load(dataset, share):
    return load_pictures(dataset, dataset.rows_of("train"), votes_share=share).targets.numpy()


def test_votes_alone_are_their_shares_and_rows_without_votes_keep_their_label(voted):
    np.testing.assert_allclose(
        load(voted, 1.0),
        [
            [0, 0, 0.3, 0.6, 0, 0, 0.1],
            [0, 0, 1, 0, 0, 0, 0],
            [0, 0, 0, 1, 0, 0, 0],
            [0, 0, 0, 1, 0, 0, 0],
        ],
        atol=1e-6,
    )


def test_votes_for_other_things_than_the_labels_do_not_count(voted):
    voted.table["votes"][0, COLUMN["contempt"]] = 5
    np.testing.assert_allclose(load(voted, 1.0)[0], [0, 0, 0.3, 0.6, 0, 0, 0.1], atol=1e-6)


def test_votes_are_mixed_with_the_label_by_their_share(voted):
    np.testing.assert_allclose(load(voted, 0.25)[0], [0, 0, 0.075, 0.9, 0, 0, 0.025], atol=1e-6)
    np.testing.assert_allclose(load(voted, 0.25)[1], [0, 0, 0.25, 0.75, 0, 0, 0], atol=1e-6)
    assert (load(voted, 0.0) == load(voted, 0.0).round()).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_targets_sum_to_one(voted, share):
    np.testing.assert_allclose(load(voted, share).sum(axis=1), 1, atol=1e-6)


def test_votes_follow_the_labels_of_the_data_set(make_dataset):
    dataset = make_dataset((0, 0, 1), has_votes=True, labels=("happy", "neutral"))
    dataset.table["votes"][0, [COLUMN["happy"], COLUMN["neutral"], COLUMN["fear"]]] = 1, 3, 6
    np.testing.assert_allclose(load(dataset, 1.0), [[0.25, 0.75]])


def test_votes_that_are_not_there_are_refused(make_dataset):
    with pytest.raises(DataError, match=r"no FER.* votes. Import it with --votes"):
        load(make_dataset((0, HAPPY, 1)), 0.5)
    with pytest.raises(DataError, match="no votes for the label 'bored'"):
        load(make_dataset((0, 0, 1), has_votes=True, labels=("happy", "bored")), 0.5)


def test_a_head_for_votes_has_their_shares_behind_the_labels_and_nothing_where_nobody_voted(voted):
    targets = load_pictures(voted, voted.rows_of("train"), votes_head=True).targets.numpy()
    np.testing.assert_array_equal(targets[:, :7], load(voted, 0.0))
    np.testing.assert_allclose(targets[:2, 7:], load(voted, 1.0)[:2], atol=1e-6)
    assert (targets[2:, 7:] == 0).all()


def test_fer2013_targets_are_what_people_saw(fer2013):
    targets = load_pictures(fer2013, fer2013.rows_of("test"), votes_share=1.0).targets
    labels = torch.from_numpy(fer2013.table["label"][fer2013.rows_of("test")].astype(np.int64))
    assert torch.allclose(targets.sum(1), torch.ones(len(targets)))
    assert 0.6 < (targets.argmax(1) == labels).float().mean() < 0.7

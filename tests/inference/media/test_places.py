import pytest

from mien.inference.media.places import Places

SIZE = (400, 300)


def test_above_is_best_then_below_then_beside() -> None:
    assert Places(SIZE, [(100, 100, 180, 180)]).take_beside(0, 60, 20, 4) == (100, 76, 160, 96)
    assert Places(SIZE, [(100, 10, 180, 90)]).take_beside(0, 60, 20, 4) == (100, 94, 160, 114)
    assert Places(SIZE, [(100, 0, 180, 300)]).take_beside(0, 60, 20, 4) == (184, 0, 244, 20)
    assert Places(SIZE, [(320, 0, 400, 300)]).take_beside(0, 60, 20, 4) == (256, 0, 316, 20)
    assert Places(SIZE, [(0, 0, 400, 300)]).take_beside(0, 60, 20, 4) is None


def test_a_wide_label_stands_over_the_middle_of_a_small_face_and_inside_the_picture() -> None:
    assert Places(SIZE, [(200, 100, 210, 110)]).take_beside(0, 60, 20, 4) == (175, 76, 235, 96)
    assert Places(SIZE, [(390, 100, 400, 110)]).take_beside(0, 60, 20, 4) == (340, 76, 400, 96)


def test_what_was_taken_is_taken() -> None:
    places = Places(SIZE, [(100, 100, 110, 110), (125, 100, 135, 110)])
    first, second = (places.take_beside(number, 60, 20, 4) for number in (0, 1))
    assert first is not None
    assert second is not None
    assert first != second
    assert first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]


def test_inside_asks_for_a_large_face_and_a_free_foot() -> None:
    assert Places(SIZE, [(0, 0, 400, 300)]).take_inside(0, 60, 20, 6) == (6, 274, 66, 294)
    assert Places(SIZE, [(0, 0, 60, 60)]).take_inside(0, 60, 20, 6) is None
    small_in_large = [(0, 0, 400, 300), (10, 270, 30, 290)]
    assert Places(SIZE, small_in_large).take_inside(0, 60, 20, 6) is None, "the small face would be hidden"
    overlapping = [(0, 0, 200, 200), (50, 50, 300, 300)]
    assert Places(SIZE, overlapping).take_inside(0, 60, 20, 6) is not None
    twice = Places(SIZE, [(0, 0, 400, 300), (0, 0, 400, 300)])
    assert twice.take_inside(0, 60, 20, 6) is not None
    assert twice.take_inside(1, 60, 20, 6) is None, "there is a label already"


@pytest.mark.parametrize(
    ("other", "room"),
    [((130, 100, 150, 120), 10), ((100, 60, 120, 95), 5), ((110, 110, 150, 150), 0), ((140, 150, 160, 160), 30)],
)
def test_room_reaches_to_the_nearest_face(other, room) -> None:
    assert Places(SIZE, [(100, 100, 120, 120), other, (390, 290, 400, 300)]).room_around(0) == room


def test_a_face_alone_has_all_the_room() -> None:
    assert Places(SIZE, [(100, 100, 120, 120)]).room_around(0) == 400

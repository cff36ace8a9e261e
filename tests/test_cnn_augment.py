"""Pictures changed at random, each change by what it is said to do; and the batches they come in."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.topics.cnn.augment import Augmentation, Draws, applied, augmented, mixed
from engine.topics.cnn.batches import taken
from engine.training.batches import Batches

ALL = Augmentation(0.5, 2, 20, 0.1, 0.2, 0.2, 0.4, 0.3, 5, 0.2)
DIAGONAL = {"right": 1.0, "down": 1.0}
MIDDLE = 15.5


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 8, channels: int = 3, height: int = 12, width: int = 10) -> torch.Tensor:
    return torch.rand(count, channels, height, width, generator=random(7))


def draws(count: int, **forced: float) -> Draws:
    """What changes nothing by itself (the middle of each range), but for what is forced."""
    wanted = dict.fromkeys(Draws._fields, 0.5) | forced
    return Draws(**{name: torch.full((count,), value) for name, value in wanted.items()})


def dot(row: int, column: int, size: int = 32) -> torch.Tensor:
    """A soft spot around a pixel, (1, 1, size, size)."""
    there = torch.arange(size)
    down, right = (torch.exp(-((there - at) ** 2) / 4.5) for at in (row, column))
    return (down[:, None] * right)[None, None]


def centroid(x: torch.Tensor) -> tuple[float, float]:
    """Of the first picture: row and column, from the middle."""
    there = torch.arange(x.shape[-1]) - MIDDLE
    mass = x[0, 0]
    return float((mass.sum(1) * there).sum() / mass.sum()), float(
        (mass.sum(0) * there).sum() / mass.sum()
    )


# All of them ----------------------------------------------------------------------------------------


def test_the_settings_are_read_by_name():
    config = SimpleNamespace(**ALL._asdict(), seed=3)
    assert Augmentation.of(config) == ALL
    assert not Augmentation().active


@pytest.mark.parametrize("name", Augmentation._fields)
def test_one_setting_makes_it_active(name):
    assert Augmentation(**{name: 1}).active


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", [*Augmentation._fields, "all", "nothing"])
def test_shape_range_and_the_pictures_handed_in_are_kept(name, channels):
    how = {"all": ALL, "nothing": Augmentation()}.get(name)
    how = how or Augmentation(**{name: getattr(ALL, name)})
    x = pictures(channels=channels)
    x[0], x[1] = 0, 1  # nothing may overshoot
    before = x.clone()
    y = augmented(x, how, random())
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert 0 <= y.min() <= y.max() <= 1
    silent = {"nothing", "mixup"} | ({"colour", "grey"} if channels == 1 else set())
    assert torch.equal(y, x) == (name in silent)
    y.zero_()
    assert torch.equal(x, before)


def test_the_generator_decides_and_nothing_else():
    x, process = pictures(), torch.get_rng_state()
    g = random(3)
    state = g.get_state()
    first, second = augmented(x, ALL, g), augmented(x, ALL, g)
    blend = mixed(x, torch.arange(8), 0.4, g)
    g.set_state(state)
    assert torch.equal(augmented(x, ALL, g), first)
    assert torch.equal(augmented(x, ALL, g), second)
    again = mixed(x, torch.arange(8), 0.4, g)
    assert all(torch.equal(a, b) for a, b in zip(blend[:3], again[:3], strict=True))
    assert blend[3] == again[3]
    assert not torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), process)


def test_one_change_more_leaves_what_the_others_draw():
    x = pictures(64, 3, 16, 16)
    flipped, both = (
        augmented(x, how, random())
        for how in (Augmentation(flip=0.5), Augmentation(flip=0.5, cutout=4))
    )
    changed = (flipped != both).any(1).sum((1, 2))
    assert 0 < int(changed.min()) <= int(changed.max()) <= 16


def test_the_memory_format_makes_no_difference():
    x = pictures()
    y = augmented(x.contiguous(memory_format=torch.channels_last), ALL, random())
    assert torch.allclose(y, augmented(x, ALL, random()), atol=1e-6)


# Mirror images and crops ------------------------------------------------------------------------------


def test_a_flip_mirrors_exactly():
    x = pictures()
    assert torch.equal(augmented(x, Augmentation(flip=1.0), random()), x.flip(3))


def test_some_pictures_are_flipped_and_the_others_left():
    x = pictures(400, 1, 4, 4)
    y = augmented(x, Augmentation(flip=0.25), random())
    mirrored = (y == x.flip(3)).all((1, 2, 3))
    assert torch.equal(y[~mirrored], x[~mirrored])
    assert 60 <= int(mirrored.sum()) <= 140  # 100 expected, of 8.7 deviation


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_crop_is_a_window_of_the_picture_with_mirrored_edges(flip):
    x = pictures(300)
    y = augmented(x, Augmentation(crop=2, flip=flip), random())
    wide = functional.pad(x.flip(3) if flip else x, (2, 2, 2, 2), mode="reflect")
    windows = wide.unfold(2, 12, 1).unfold(3, 10, 1)  # (N, C, 5, 5, H, W)
    found = (windows == y[:, :, None, None]).all(1).all(3).all(3)
    assert torch.equal(found.sum((1, 2)), torch.ones(300, dtype=torch.long))
    assert (found.sum(0) > 0).all()  # every place is drawn: 12 times each, expected


def test_both_ends_of_a_crop_can_be_drawn():
    x, how = pictures(1), Augmentation(crop=3)
    wide = functional.pad(x, (3, 3, 3, 3), mode="reflect")
    last = 1 - 2**-24  # the largest number that torch.rand draws
    assert torch.equal(applied(x, how, draws(1, top=0.0, left=0.0)), wide[:, :, :12, :10])
    assert torch.equal(applied(x, how, draws(1, top=last, left=last)), wide[:, :, 6:, 6:])


@pytest.mark.parametrize(("size", "crop"), [(8, 8), (4, 11), (1, 2)])
def test_an_edge_as_wide_as_the_picture_is_mirrored_to_and_fro(size, crop):
    x = pictures(20, 1, size, size)
    y = augmented(x, Augmentation(crop=crop), random())
    both = np.stack([np.pad(p, crop, mode="reflect") for p in x[:, 0].numpy()])
    windows = torch.from_numpy(both).unfold(1, size, 1).unfold(2, size, 1)
    assert (windows == y[:, :, None]).all(-1).all(-1).any(-1).any(-1).all()


# Rotation, shift, shear and zoom ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 12), (12, 10)])
def test_rotated_by_nothing_is_the_picture(shape):
    x = pictures(4, 3, *shape)
    y = applied(x, Augmentation(rotate=45, shift=0.2, shear=0.3, zoom=0.4), draws(4))
    assert torch.allclose(y, x, atol=1e-5)


@pytest.mark.parametrize(("angle", "quarters"), [(1.0, 1), (0.0, -1)])
def test_a_quarter_turn_is_that_of_torch(angle, quarters):
    x = pictures(4, 3, 9, 9)
    y = applied(x, Augmentation(rotate=90), draws(4, angle=angle))
    assert torch.allclose(y, torch.rot90(x, quarters, (2, 3)), atol=1e-4)


def test_a_picture_that_is_not_square_is_turned_without_stretching():
    x = pictures(2, 1, 12, 8)
    y = applied(x, Augmentation(rotate=90), draws(2, angle=1.0))
    turned = torch.rot90(x, 1, (2, 3))  # 8 high, 12 wide: what lies on the frame of 12 × 8 is seen
    assert torch.allclose(y[:, :, 2:10], turned[:, :, :, 2:10], atol=1e-4)
    assert y[:, :, :2].abs().max() < 1e-4  # black came in
    assert y[:, :, 10:].abs().max() < 1e-4


@pytest.mark.parametrize(("right", "down"), [(1.0, 0.5), (0.5, 0.0), (0.0, 1.0)])
def test_a_shift_moves_by_a_share_of_the_side(right, down):
    y = applied(dot(16, 16), Augmentation(shift=0.25), draws(1, right=right, down=down))
    wanted = (0.5 + 8 * (2 * down - 1), 0.5 + 8 * (2 * right - 1))
    assert centroid(y) == pytest.approx(wanted, abs=0.01)


def test_a_zoom_moves_away_from_the_middle_and_enlarges():
    x = dot(20, 12)
    for drawn, scale in ((1.0, 1.5), (0.0, 0.5)):
        y = applied(x, Augmentation(zoom=0.5), draws(1, zoom=drawn))
        assert centroid(y) == pytest.approx((4.5 * scale, -3.5 * scale), abs=0.05)
        assert float(y.sum() / x.sum()) == pytest.approx(scale**2, rel=0.05)


def test_a_shear_moves_sideways_in_proportion_to_the_height():
    for row in (8, 24):
        y = applied(dot(row, 16), Augmentation(shear=0.5), draws(1, shear=1.0))
        below = row - MIDDLE
        assert centroid(y) == pytest.approx((below, 0.5 + 0.5 * below), abs=0.02)


def test_together_they_zoom_then_shear_then_turn_then_shift():
    how = Augmentation(rotate=90, shift=0.125, shear=0.5, zoom=0.2)
    y = applied(dot(18, 20), how, draws(1, angle=1.0, shear=1.0, zoom=1.0, **DIAGONAL))
    down, right = 1.2 * 2.5, 1.2 * 4.5
    right += 0.5 * down
    down, right = -right, down  # a quarter to the left
    assert centroid(y) == pytest.approx((down + 4, right + 4), abs=0.05)


# Colours ----------------------------------------------------------------------------------------------


def test_all_turn_grey_or_none():
    x = pictures()
    grey = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    y = augmented(x, Augmentation(grey=1.0), random())
    assert torch.equal(y[:, 0], y[:, 1])
    assert torch.equal(y[:, 0], y[:, 2])
    assert torch.allclose(y, grey.expand_as(x), atol=1e-6)
    some = augmented(pictures(400, 3, 2, 2), Augmentation(grey=0.25), random())
    assert 60 <= int((some[:, 0] == some[:, 1]).all((1, 2)).sum()) <= 140
    assert torch.equal(augmented(x, Augmentation(grey=1e-30), random()), x)


def test_brightness_is_a_factor():
    x = pictures() / 2
    y = applied(x, Augmentation(colour=0.4), draws(8, brightness=1.0))
    assert torch.allclose(y, 1.4 * x, atol=1e-6)


def test_contrast_is_a_factor_around_the_mean_grey():
    x = 0.3 + 0.3 * pictures()
    y = applied(x, Augmentation(colour=0.4), draws(8, brightness=1.0, contrast=0.0))
    x = 1.4 * x  # first brighter, then flatter
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    mean = (x * weights).sum(1).mean((1, 2))[:, None, None, None]
    assert torch.allclose(y, mean + 0.6 * (x - mean), atol=1e-6)


def test_saturation_leaves_how_bright_it_looks():
    x = 0.3 + 0.4 * pictures()
    y = applied(x, Augmentation(colour=0.4), draws(8, saturation=0.0))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    assert torch.allclose((y * weights).sum(1), (x * weights).sum(1), atol=1e-6)
    assert torch.allclose(y[:, 0] - y[:, 1], 0.6 * (x[:, 0] - x[:, 1]), atol=1e-6)


# Cutout and mixup -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, 4, 5])
def test_a_square_is_set_to_the_mean(side):
    x = pictures(600, 3, 7, 6)
    y = augmented(x, Augmentation(cutout=side), random())
    gone = (y != x).any(1)
    for channel in range(3):
        assert torch.allclose(y[:, channel][gone], x[:, channel].mean(), atol=1e-5)
    height, width = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(gone.sum((1, 2)), height * width)  # a rectangle without gaps
    assert int(height.max()) == int(width.max()) == side
    assert int(height.min()) == int(width.min()) == (side + 1) // 2  # the middle is never outside
    assert (gone.sum(0) > 0).all()  # every pixel is in some square


def test_a_square_may_lie_in_the_middle_or_in_a_corner():
    x = pictures(1, 3, 8, 8)
    how = Augmentation(cutout=4)
    gone = (applied(x, how, draws(1)) != x).any(1)[0]
    assert gone[2:6, 2:6].all()
    assert int(gone.sum()) == 16
    gone = (applied(x, how, draws(1, cutout_row=0.0, cutout_column=0.999)) != x).any(1)[0]
    assert gone[:2, 5:].all()
    assert int(gone.sum()) == 6


def test_a_mixture_is_the_two_in_their_shares():
    x, y = pictures(64), torch.arange(64)
    blend, first, second, share = mixed(x, y, 1.0, random())
    assert 0 < share < 1
    assert torch.equal(first, y)
    assert sorted(second.tolist()) == y.tolist()
    assert torch.allclose(blend, share * x + (1 - share) * x[second], atol=1e-6)
    assert 0 <= blend.min() <= blend.max() <= 1


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_follow_the_beta_distribution(alpha):
    x, y, g = torch.rand(2, 1, generator=random()), torch.arange(2), random(1)
    shares = np.array([mixed(x, y, alpha, g)[3] for _ in range(500)])
    assert abs(shares.mean() - 0.5) < 0.08
    assert shares.var() == pytest.approx(0.25 / (2 * alpha + 1), rel=0.2)


def test_without_mixup_nothing_is_mixed():
    x, y = pictures(), torch.arange(8)
    blend, first, second, share = mixed(x, y, 0.0, random())
    assert torch.equal(blend, x)
    assert torch.equal(first, second)
    assert share == 1


# Batches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_become_planes_of_numbers(channels):
    rows = torch.randint(0, 256, (20, 6, 5, channels), dtype=torch.uint8, generator=random())
    rows[3], rows[4] = 0, 255
    wanted = torch.tensor([3, 4, 19, 3])
    x = taken(rows, wanted)
    assert (x.shape, x.dtype) == ((4, channels, 6, 5), torch.float32)
    assert np.array_equal(x.numpy(), rows[wanted].numpy().transpose(0, 3, 1, 2) / np.float32(255))
    assert x.min() == 0
    assert x.max() == 1
    plain = (channels * 30, 30, 5, 1)
    assert x.stride() == (plain if channels == 1 else (90, 1, 15, 3))
    cropped = augmented(x, Augmentation(crop=1), random())
    assert cropped.stride() == x.stride()


def test_pictures_of_a_mapped_file_are_taken(tmp_path):
    rows = np.arange(10 * 4 * 4 * 3, dtype=np.uint8).reshape(10, 4, 4, 3)
    np.save(tmp_path / "pictures.npy", rows)
    there = torch.from_numpy(np.load(tmp_path / "pictures.npy", mmap_mode="c"))
    x = taken(there, torch.tensor([9, 0]))
    assert torch.equal((x * 255).round().byte(), torch.from_numpy(rows[[9, 0]]).permute(0, 3, 1, 2))


def numbered(seed: int = 5) -> Batches:
    """Batches of 8 of every third of 78 pictures, each labelled with its own number."""
    rows, labels = torch.arange(0, 78, 3), torch.arange(78)
    return Batches(rows, labels[rows], 8, [seed])


def test_every_picture_comes_once_an_epoch_with_its_label():
    batches = numbered()
    epochs = [[next(batches) for _ in range(batches.per_epoch)] for _ in range(2)]
    for epoch in epochs:
        assert [len(rows) for rows, _ in epoch] == [8, 8, 8, 2]
        assert all(torch.equal(rows, labels) for rows, labels in epoch)
        assert sorted(torch.cat([rows for rows, _ in epoch]).tolist()) == list(range(0, 78, 3))
    first, second = (torch.cat([rows for rows, _ in epoch]).tolist() for epoch in epochs)
    assert first != second
    assert next(numbered(5))[0].tolist() != next(numbered(6))[0].tolist()


@pytest.mark.parametrize("steps", [0, 1, 4, 6])
def test_a_fork_goes_on_with_the_same_pictures(steps):
    batches, other = numbered(), numbered()
    for _ in range(steps):
        next(batches)
    other.restore({name: value.clone() for name, value in batches.saved().items()})
    assert all(torch.equal(next(batches)[0], next(other)[0]) for _ in range(10))

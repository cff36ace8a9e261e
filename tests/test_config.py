"""Settings of runs: ranges, conversion from URLs, live changes, and what errors say."""

from __future__ import annotations

import pytest

from engine.errors import InvalidValue
from engine.topics import topic
from engine.topics.regression.spec import SPEC, RegressionConfig


def test_strings_from_a_url_are_converted():
    config = RegressionConfig.parse({"learning_rate": "0.02", "epochs": "7", "model": "linear"})
    assert (config.learning_rate, config.epochs, config.model) == (0.02, 7, "linear")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"learning_rate": 7e6},
            "learning_rate: expected a number from 1e-06 to 1000000, received 7000000.0.",
        ),
        (
            {"learning_rate": "abc"},
            "learning_rate: expected a number from 1e-06 to 1000000, received 'abc'.",
        ),
        ({"epochs": 1.5}, "epochs: expected a whole number from 1 to 20000, received 1.5."),
        (
            {"learning_rate": float("nan")},
            "learning_rate: expected a number from 1e-06 to 1000000, received nan.",
        ),
        (
            {"data": "moon"},
            "data: expected one of points, line, sine, step, heteroscedastic, outliers, drawn, ",
        ),
        ({"seed": -1}, "seed: expected a whole number from 0 to 2147483647, received -1."),
        ({"seed": 10**400}, "seed: expected a whole number from 0 to 2147483647, received 1000"),
    ],
)
def test_errors_name_field_range_and_value(values, words):
    with pytest.raises(InvalidValue) as error:
        RegressionConfig.parse(values)
    assert error.value.message.startswith(words)
    assert error.value.status == 422
    assert len(error.value.message) < 300


def test_an_unknown_field_is_named_with_what_there_is():
    with pytest.raises(InvalidValue) as error:
        RegressionConfig.parse({"learning_rat": 1})
    assert error.value.message.startswith(
        "learning_rat: expected a setting of this topic (data, samples, noise,"
    )


def test_all_problems_are_named_at_once():
    with pytest.raises(InvalidValue) as error:
        RegressionConfig.parse({"epochs": 0, "noise": 9})
    assert [p.field for p in error.value.problems] == ["noise", "epochs"]


def test_a_config_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        RegressionConfig().epochs = 3


def test_only_live_fields_change_during_training():
    config = RegressionConfig()
    assert config.live_change({"learning_rate": 0.5}).learning_rate == 0.5
    with pytest.raises(InvalidValue, match="epochs: expected a setting that can change"):
        config.live_change({"epochs": 5})


def test_an_unknown_topic_is_named():
    with pytest.raises(InvalidValue, match="topic: expected one of regression"):
        topic("regresion")


def test_published_figures_can_be_reached_and_missed():
    [mse] = SPEC.preset("R1").published
    assert mse.reached(0.3776)
    assert not mse.reached(0.3777)
    slope, _intercept = SPEC.preset("R2").published
    assert slope.reached(2.14)
    assert not slope.reached(2.16)
    assert not slope.reached(1.84)

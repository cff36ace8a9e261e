"""Goals and questions of the classification topic (torch-free)."""

from __future__ import annotations

from collections.abc import Sequence

from engine.challenges import (
    NEUTRAL,
    Challenge,
    Question,
    Reveal,
    Step,
    Trial,
    Verdict,
    direction,
    percent,
    spread,
    strayed,
)
from engine.topics.classification.data import VALIDATION
from engine.topics.classification.spec import ClassificationConfig
from engine.words import N_, _

DATA = tuple(
    name for name, known in ClassificationConfig.settings().items() if known.group == "Data"
)
"""Settings that decide on the rows, their labels and their parts."""
AS_GIVEN = ("data", "noise", "label_noise", "imbalance", "oversample", "sweep")
RAW = ("squares", "product", "sines")
"""Inputs beyond x and y, which goals about the size of a network do without."""

SEPARATED = 0.95
MOST_NEURONS = 16
FEWEST_NEURONS = 3
OVERFITTED, CURED = 0.10, 0.05
"""Training minus validation accuracy."""
MEMORISED = 0.95
BROKEN = 0.60
"""Training accuracy of a network that has learned next to nothing about two classes."""
DEAD, ALIVE = 0.5, 0.1
CALIBRATED, USEFUL = 0.05, 0.85


# What goals have in common -------------------------------------------------------------------------


def neurons(config: ClassificationConfig) -> int:
    """Hidden neurons of the network."""
    return sum(config.widths)


def too_few(trial: Trial, training: int, held_out: int) -> str:
    """In words, whether a run had too few rows for its figures to count; or nothing."""
    rows, held = int(trial.started["samples"]), trial.rows(VALIDATION)
    if rows >= training and held >= held_out:
        return ""
    text = _(
        "This goal needs at least {training} points to learn from and {held} held out; "
        "this run had {rows} and {kept}."
    )
    return text.format(training=training, held=held_out, rows=rows, kept=held)


def accuracies(trial: Trial) -> str:
    """Both accuracies in words."""
    return _("Training accuracy {train}, on held-out points {val}.").format(
        train=percent(trial.last("train_accuracy")), val=percent(trial.last("val_accuracy"))
    )


def other_network(trial: Trial, before: Trial) -> str:
    """In words, what of data or network is not as in the step before; or nothing."""
    words = strayed(trial.config, before.config.model_dump(), DATA)
    if not words and trial.config.widths != before.config.widths:
        words = _("Keep the layers and their units as they were in the first step.")
    return words


def reached(trial: Trial, name: str, target: float) -> bool:
    """Whether a metric is at least its target, rounding errors aside."""
    value = trial.last(name)
    return value is not None and value >= target - 1e-6


# Separate ------------------------------------------------------------------------------------------

SPIRALS = dict(data="spirals", layers=1, units_1=4)
XOR = dict(data="xor", samples=400, layers=0, epochs=300)
CIRCLES = dict(data="circles", noise=0.05, samples=600, epochs=300)


def small_enough(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The spirals are separated by few neurons."""
    count = neurons(trial.config)
    words = strayed(trial.config, SPIRALS, (*AS_GIVEN, *RAW)) or too_few(trial, 250, 100)
    measured = _("{count} neurons, {accuracy} of the held-out points right.").format(
        count=count, accuracy=percent(trial.last("val_accuracy"))
    )
    if not words and count > MOST_NEURONS:
        words = _("Take away some neurons: {most} are allowed.").format(most=MOST_NEURONS)
    if not words and not reached(trial, "val_accuracy", SEPARATED):
        words = _("A second hidden layer bends the lines of the first one; or train for longer.")
    return Verdict(not words, measured, words)


def without_hidden(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """XOR is separated by a straight line, in inputs that make it straight."""
    words = strayed(trial.config, XOR, (*AS_GIVEN, "layers")) or too_few(trial, 100, 100)
    if not words and not reached(trial, "val_accuracy", SEPARATED):
        words = _(
            "No line through x and y does it. The class depends on whether their signs are the "
            "same: which input would say so? (Look under More settings.)"
        )
    return Verdict(not words, accuracies(trial), words)


def smallest(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The circles are separated; the fewer neurons, the better."""
    count = neurons(trial.config)
    words = strayed(trial.config, CIRCLES, (*AS_GIVEN, *RAW)) or too_few(trial, 250, 250)
    measured = _("{count} neurons, {accuracy} of the held-out points right.").format(
        count=count, accuracy=percent(trial.last("val_accuracy"))
    )
    if words:
        return Verdict(False, measured, words)
    if not reached(trial, "val_accuracy", SEPARATED):
        return Verdict(False, measured, _("Less than 95 %: a neuron more, or train for longer."))
    if count > FEWEST_NEURONS:
        hint = _("That separates them. How many lines are needed to go round a disc?")
        return Verdict(False, measured, hint, score=count)
    return Verdict(True, measured, score=count)


# Overfit, and cure ---------------------------------------------------------------------------------

OVERFIT = dict(
    data="moons",
    noise=0.25,
    label_noise=0.1,
    samples=300,
    validation=0.8,
    layers=1,
    units_1=4,
    epochs=600,
)


def gap(trial: Trial) -> float:
    """Training minus validation accuracy."""
    return (trial.last("train_accuracy") or 0.0) - (trial.last("val_accuracy") or 0.0)


def gap_words(trial: Trial) -> str:
    """The gap in words."""
    text = _("{accuracies} The gap is {gap:.1f} points.")
    return text.format(accuracies=accuracies(trial), gap=100 * gap(trial))


def overfitted(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """Training points are known by heart, held-out ones are not."""
    words = strayed(trial.config, OVERFIT, AS_GIVEN) or too_few(trial, 20, 100)
    if not words and not reached(trial, "train_accuracy", MEMORISED):
        words = _("It has not learned its points by heart: more neurons, no penalty, more epochs.")
    if not words and gap(trial) <= OVERFITTED:
        words = _("More than 10 points are wanted: a larger network, no penalty, fewer points.")
    return Verdict(not words, gap_words(trial), words)


def cured(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The same data and the same network, without the gap, and no worse on held-out points."""
    ill = before[-1]
    if words := strayed(trial.config, OVERFIT, AS_GIVEN) or other_network(trial, ill):
        return Verdict(False, gap_words(trial), words, astray=True)
    words = ""
    if gap(trial) >= CURED:
        words = _("Still 5 points or more. Try patience, a larger L2 penalty, or dropout.")
    elif not reached(trial, "val_accuracy", ill.last("val_accuracy") or 0.0):
        words = _(
            "No gap, but held-out points fare worse than before ({before}): too strong a medicine."
        ).format(before=percent(ill.last("val_accuracy")))
    return Verdict(not words, gap_words(trial), words)


# Dead ReLUs, and revival ---------------------------------------------------------------------------

RELUS = dict(
    data="circles",
    noise=0.05,
    activation="relu",
    initialisation="he",
    optimiser="sgd",
    learning_rate=0.3,
    epochs=100,
)


def dead_words(trial: Trial) -> str:
    """How many units are dead, in words."""
    dead = trial.last("dead_units")
    text = _("{dead} of the hidden units are dead (at the start {first}). {accuracies}")
    if dead is None:
        return accuracies(trial)
    return text.format(
        dead=percent(dead), first=percent(trial.first("dead_units")), accuracies=accuracies(trial)
    )


def died(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """Training has killed half of the ReLUs that lived at the start."""
    first, last = trial.first("dead_units"), trial.last("dead_units")
    words = strayed(trial.config, RELUS, (*AS_GIVEN, "activation")) or too_few(trial, 100, 100)
    if not words and (neurons(trial.config) < 8 or first is None or last is None):
        words = _("At least 8 hidden neurons are needed.")
    elif not words and first is not None and first >= DEAD:
        words = _("They were dead at the start already. Training is to kill them.")
    elif not words and last is not None and last < DEAD:
        words = _("Most live on. A step far too large throws a ReLU to where it answers 0.")
    return Verdict(not words, dead_words(trial), words)


def revived(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The same network learns, and its units live."""
    dead = trial.last("dead_units") or 0.0  # other activations have none
    if words := strayed(trial.config, RELUS, AS_GIVEN) or other_network(trial, before[-1]):
        return Verdict(False, dead_words(trial), words, astray=True)
    words = ""
    if dead > ALIVE:
        words = _("Too many are dead still. Try a smaller rate, or an activation with a slope.")
    elif not reached(trial, "val_accuracy", SEPARATED):
        words = _("They live, but less than 95 % is right: a better rate, or more epochs.")
    return Verdict(not words, dead_words(trial), words)


# Break, and repair ---------------------------------------------------------------------------------

RATE = dict(
    data="circles", noise=0.05, optimiser="sgd", learning_rate=0.05, batch_size=16, epochs=30
)
BUT_THE_RATE = tuple(
    n for n in ClassificationConfig.settings() if n not in (*NEUTRAL, "learning_rate")
)


def only_the_rate(trial: Trial) -> str:
    """In words, whether anything but the learning rate was changed; or nothing."""
    return strayed(trial.config, RATE, BUT_THE_RATE) or (
        _("Only the learning rate may be changed while it trains.")
        if trial.changed - {"learning_rate"}
        else ""
    )


def rate_words(trial: Trial) -> str:
    """How a rate fared, in words."""
    text = _("Learning rate {rate:g}: {outcome}")
    broke = _("training broke down. ") if trial.state == "failed" else ""
    return text.format(rate=trial.config.learning_rate, outcome=broke + accuracies(trial))


def broken(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """A rate with which it diverges, or learns next to nothing."""
    words = only_the_rate(trial)
    learned = trial.state == "done" and (trial.last("train_accuracy") or 0.0) > BROKEN
    if not words and learned:
        words = _("It still learns. Take the rate much larger, or much smaller.")
    return Verdict(not words, rate_words(trial), words)


def repaired(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """The same run with another rate separates the circles."""
    words = only_the_rate(trial)
    words = words or strayed(trial.config, before[-1].config.model_dump(), ("seed", "data_seed"))
    if words:
        return Verdict(False, rate_words(trial), words, astray=True)
    if not reached(trial, "val_accuracy", SEPARATED):
        words = _("Less than 95 %. Good rates lie between one that creeps and one that leaps.")
    return Verdict(not words, rate_words(trial), words)


# Calibrate -----------------------------------------------------------------------------------------

CALIBRATE = dict(
    data="moons",
    noise=0.25,
    samples=1000,
    validation=0.8,
    layers=2,
    units_1=32,
    units_2=32,
    learning_rate=0.02,
    l2=0.0,
    epochs=400,
)


def calibrated(trial: Trial, before: Sequence[Trial]) -> Verdict:
    """Confidence is what it says; a network that knows nothing, and says so, does not count."""
    words = strayed(trial.config, CALIBRATE, AS_GIVEN) or too_few(trial, 100, 400)
    error = trial.last("val_ece")
    measured = _("Calibration error {error}, {accuracy} of the held-out points right.").format(
        error=percent(error), accuracy=percent(trial.last("val_accuracy"))
    )
    if not words and not reached(trial, "val_accuracy", USEFUL):
        words = _("Its confidence has to be of use: at least 85 % of the held-out points right.")
    if not words and (error is None or error > CALIBRATED):
        words = _("It is too sure of itself. A smaller network, a penalty or patience calms it.")
    return Verdict(not words, measured, words)


CHALLENGES = (
    Challenge(
        "spirals-16",
        N_("Separate the spirals with 16 neurons"),
        N_(
            "At least 95 % of the held-out points right, with at most 16 hidden neurons and no "
            "inputs but x and y."
        ),
        SPIRALS,
        (Step(N_("95 % with at most 16 neurons"), small_enough),),
    ),
    Challenge(
        "xor-without-hidden",
        N_("Solve XOR without a hidden layer"),
        N_("At least 95 % of the held-out points right with 0 hidden layers. There is a trick."),
        XOR,
        (Step(N_("95 % with 0 hidden layers"), without_hidden),),
    ),
    Challenge(
        "overfit-cure",
        N_("Make it overfit, then cure it"),
        N_(
            "Few points, and every tenth label is wrong. First training accuracy more than 10 "
            "points above that of held-out points; then less than 5, with the same data, layers "
            "and units, and no worse on held-out points."
        ),
        OVERFIT,
        (
            Step(N_("learn the points by heart: a gap of more than 10 points"), overfitted),
            Step(N_("cure it: a gap of less than 5 points"), cured),
        ),
    ),
    Challenge(
        "dead-relus",
        N_("Make ReLUs die, then revive them"),
        N_(
            "First at least half of the hidden units dead after training; then at most 10 % and "
            "95 % of the held-out points right, with the same layers and units."
        ),
        RELUS,
        (
            Step(N_("kill at least half of the units"), died, breaks=True),
            Step(N_("revive them, and reach 95 %"), revived),
        ),
    ),
    Challenge(
        "learning-rate",
        N_("Break it and repair it by the learning rate alone"),
        N_(
            "First a rate with which it diverges or stays at 60 % or less of its training points; "
            "then one that gets 95 % of the held-out points right."
        ),
        RATE,
        (
            Step(N_("break it"), broken, breaks=True),
            Step(N_("repair it: 95 % by another rate"), repaired),
        ),
    ),
    Challenge(
        "calibrate",
        N_("Make it as sure as it is right"),
        N_(
            "A calibration error of at most 5 % on the held-out points of noisy moons, with at "
            "least 85 % of them right."
        ),
        CALIBRATE,
        (Step(N_("a calibration error of at most 5 %"), calibrated),),
    ),
    Challenge(
        "smallest-circle",
        N_("The smallest network round a disc"),
        N_(
            "At least 95 % of the held-out points right, with at most 3 hidden neurons and no "
            "inputs but x and y. Fewer count too."
        ),
        CIRCLES,
        (Step(N_("95 % with at most 3 neurons"), smallest),),
        score=N_("Your best so far: {score:.0f} neurons."),
    ),
)


# Questions -----------------------------------------------------------------------------------------

COMPARED = {
    "more": N_("better"),
    "same": N_("no difference beyond seed noise"),
    "less": N_("worse"),
}
LINE = dict(
    data="xor",
    samples=400,
    layers=0,
    epochs=200,
    sweep="data_seed",
    sweep_from=0,
    sweep_to=9,
    variants=10,
)
RATES = dict(
    data="circles",
    noise=0.05,
    optimiser="sgd",
    epochs=50,
    seeds=10,
    sweep="learning_rate",
    sweep_from=0.01,
    sweep_to=100.0,
    variants=3,
)
WIDER = dict(
    data="moons",
    noise=0.25,
    samples=300,
    l2=0.0,
    epochs=200,
    seeds=10,
    sweep="units",
    sweep_from=16,
    sweep_to=32,
    variants=2,
)
WRONG = dict(
    data="moons",
    noise=0.1,
    samples=2000,
    learning_rate=0.02,
    epochs=200,
    seeds=10,
    sweep="label_noise",
    sweep_from=0.0,
    sweep_to=0.4,
    variants=2,
)
BATCH = dict(
    data="circles",
    noise=0.05,
    samples=200,
    optimiser="sgd",
    learning_rate=0.1,
    epochs=20,
    seeds=10,
    sweep="batch_size",
    sweep_from=1,
    sweep_to=100,
    variants=2,
)
DEPTH = dict(
    data="circles",
    noise=0.05,
    activation="sigmoid",
    epochs=200,
    seeds=10,
    sweep="layers",
    sweep_from=1,
    sweep_to=6,
    variants=2,
)


def level(value: float, *bounds: float) -> str:
    """`"high"`, `"middle"` or `"low"`: where a value lies between two bounds."""
    return "high" if value >= bounds[1] else "middle" if value > bounds[0] else "low"


def mean(values: Sequence[float]) -> float:
    """The mean of some values."""
    return sum(values) / len(values)


def line_through_xor(trial: Trial) -> Reveal:
    """Mean accuracy over ten draws of the data."""
    values = [value for each in trial.variants("val_accuracy") for value in each]
    text = _("On held-out points {value}, over {count} draws of the data.")
    words = text.format(value=spread(values), count=len(values))
    return Reveal(level(mean(values), 0.60, 0.95), words)


def each_variant(trial: Trial, metric: str, texts: Sequence[str]) -> str:
    """The values of every variant in words, over the seeds."""
    found = trial.variants(metric)
    told = [f"{text} → {spread(values)}" for text, values in zip(texts, found, strict=True)]
    return _("{values} (mean ± standard deviation over {count} seeds).").format(
        values="; ".join(told), count=len(found[0])
    )


def fastest(trial: Trial) -> Reveal:
    """The rate with the best mean training accuracy when the epochs are over."""
    rates = trial.started["arrays"]["sweep_value"]
    means = [mean(values) for values in trial.variants("train_accuracy")]
    names = ("small", "medium", "large")
    texts = [_("rate {rate:g}").format(rate=rate) for rate in rates]
    return Reveal(names[means.index(max(means))], each_variant(trial, "train_accuracy", texts))


def held_out_of(trial: Trial, metric: str, texts: Sequence[str]) -> Reveal:
    """How the second variant's values lie relative to the first one's."""
    first, second = trial.variants(metric)
    return Reveal(direction(first, second), each_variant(trial, metric, texts))


def twice_as_wide(trial: Trial) -> Reveal:
    """Held-out accuracy of 16 and of 32 units a layer."""
    texts = [_("units: {units}").format(units=u) for u in trial.started["arrays"]["sweep_value"]]
    return held_out_of(trial, "val_accuracy", texts)


def wrong_labels(trial: Trial) -> Reveal:
    """Held-out accuracy, by true labels, with and without wrong labels among the training rows."""
    texts = [
        _("{share:.0f} % wrong").format(share=100 * s)
        for s in trial.started["arrays"]["sweep_value"]
    ]
    worst = mean(trial.variants("val_accuracy")[1])
    return Reveal(level(worst, 0.70, 0.90), each_variant(trial, "val_accuracy", texts))


def one_or_all(trial: Trial) -> Reveal:
    """Training accuracy of batches of one row and of all, after equally many epochs."""
    texts = [_("batch size {size}").format(size=s) for s in trial.started["arrays"]["sweep_value"]]
    return held_out_of(trial, "train_accuracy", texts)


def deeper(trial: Trial) -> Reveal:
    """Training accuracy of one and of six layers of sigmoids."""
    texts = [
        _("hidden layers: {count}").format(count=n) for n in trial.started["arrays"]["sweep_value"]
    ]
    return held_out_of(trial, "train_accuracy", texts)


QUESTIONS = (
    Question(
        "line-xor",
        N_("Will a straight line separate XOR?"),
        N_("Logistic regression, trained on ten draws of XOR. Of the held-out points it gets …"),
        LINE,
        {
            "high": N_("95 % or more right"),
            "middle": N_("60 to 95 % right"),
            "low": N_("60 % or less right"),
        },
        line_through_xor,
        {"low": N_("Each class lies in opposite corners: any line has half of both on each side.")},
    ),
    Question(
        "fastest-rate",
        N_("Which learning rate is fastest?"),
        N_("The same network, 50 steps of plain SGD. Which rate gets furthest?"),
        RATES,
        {"small": "0.01", "medium": "1", "large": "100"},
        fastest,
        {"medium": N_("The small one has hardly left the start, the large one leaps about.")},
    ),
    Question(
        "twice-as-wide",
        N_("Does a network twice as wide generalise better?"),
        N_("Noisy moons, two hidden layers of 16 or of 32 units. On held-out points, 32 are …"),
        WIDER,
        COMPARED,
        twice_as_wide,
        {"same": N_("16 units can draw the border already; the noise limits both alike.")},
    ),
    Question(
        "wrong-labels",
        N_("What if 40 % of the labels are wrong?"),
        N_("Moons, 40 % of the training labels wrong. Of the held-out points it gets …"),
        WRONG,
        {
            "high": N_("90 % or more right"),
            "middle": N_("70 to 90 % right"),
            "low": N_("70 % or less right"),
        },
        wrong_labels,
        {
            "high": N_("Errors without a pattern cancel out; everywhere the majority is right."),
            "middle": N_("Errors without a pattern partly cancel out, but some are learned."),
        },
    ),
    Question(
        "one-or-all",
        N_("One row at a step, or all of them?"),
        N_("After the same 20 epochs, batches of all 100 rows are, compared with single rows, …"),
        BATCH,
        COMPARED,
        one_or_all,
        {"less": N_("Single rows made 2,000 steps in 20 epochs, all rows at once only 20.")},
    ),
    Question(
        "six-sigmoids",
        N_("Do more layers of sigmoids learn better?"),
        N_("One hidden layer or six, all else alike. On its training points, six are …"),
        DEPTH,
        COMPARED,
        deeper,
        {
            "less": N_(
                "Each sigmoid shrinks the gradient at least fourfold: the first hardly moves."
            )
        },
    ),
)

"""The cell of a run's script that changes training pictures at random (torch-free)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.topics.classification.script_cells import NOTHING, Cell, apart, function
from engine.topics.cnn import script_texts as texts
from engine.topics.cnn.script_plan import AUGMENTATION, COLOURING, CROPPING, WARPING, Plan


def parts(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Functions that change pictures, in their order, and the settings that each follows."""
    known = {"warped": WARPING, "cropped": CROPPING, "coloured": COLOURING, "blotted": ("cutout",)}
    if not plan.coloured:
        del known["coloured"]
    return {name: names for name, names in known.items() if any(map(plan.used, names))}


def augmentation(plan: Plan) -> Cell:
    """All that is done to a batch; nothing where nothing is drawn."""
    if not plan.augmented:
        return NOTHING
    writers = {"warped": warped, "cropped": cropped, "coloured": coloured, "blotted": blotted}
    found = parts(plan)
    functions = [function(f"{name}(x, draws)", "\n".join(writers[name](plan))) for name in found]
    functions.append(function("augmented(x)", "\n".join(augmented(plan, found))))
    code = apart(f"noise = torch.Generator().manual_seed({plan.seed('noise')})", *functions)
    return Cell("Augmentation", texts.AUGMENTATION_WORDS, code)


def augmented(plan: Plan, found: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Draws numbers, whatever they are for, and gives them to what is switched on."""
    if idle := plan.when(AUGMENTATION):
        yield f"if not ({idle}):\n    return x"
    if not found:
        yield "torch.rand(14, len(x), generator=noise)  # for changes that are off"
    else:
        yield "draws = torch.rand(14, len(x), generator=noise).to(device)"
    for name, settings in found.items():
        change = f"{name}(x, draws)"
        if when := plan.when(settings):
            yield f"if {when}:\n    x = {change}"
        elif name == list(found)[-1]:
            yield f"return {change}"
            return
        else:
            yield f"x = {change}"
    yield "return x"


def warped(plan: Plan) -> Iterator[str]:
    """Turned and so on in one resampling; pictures are square, their sides have length 2."""
    turned, shifted, sheared, zoomed = (plan.used(name) for name in WARPING)
    names = [name for name in WARPING if plan.used(name)]
    yield f'"""{texts.listed([texts.WARPING_WORDS[name] for name in names])}; black comes in."""'
    if turned:
        yield f"angle = (2 * draws[3] - 1) * math.radians({plan.value('rotate')})"
    if shifted:
        yield f"right, down = (2 * draws[4:6] - 1) * {plan.value('shift')} * 2"
    if sheared:
        yield f"shear = (2 * draws[6] - 1) * {plan.value('shear')}"
    if zoomed:
        yield f"zoom = 1 + (2 * draws[7] - 1) * {plan.value('zoom')}"
    by = " / zoom" * zoomed
    if turned:
        yield f"cos, sin = angle.cos(){by}, angle.sin(){by}"
    else:
        yield "sin = torch.zeros_like(draws[0])"
        yield f"cos = {'1 / zoom' if zoomed else 'torch.ones_like(draws[0])'}"
    if sheared:
        yield "xx, xy, yx, yy = cos - shear * sin, -(sin + shear * cos), sin, cos"
    else:
        yield "xx, xy, yx, yy = cos, -sin, sin, cos"
    if shifted:
        yield "x_from, y_from = -(xx * right + xy * down), -(yx * right + yy * down)"
    else:
        yield "x_from = y_from = torch.zeros_like(cos)"
    yield texts.RESAMPLED


def cropped(plan: Plan) -> Iterator[str]:
    """Mirrored, cut out, or both."""
    side = plan.shape[1]
    chosen = f"(draws[0] < {plan.value('flip')})"
    if not plan.used("crop"):
        yield f"return torch.where({chosen}[:, None, None, None], x.flip(3), x)"
        return
    yield '"""A piece of the picture, whose edges go on as in a mirror."""'
    yield texts.CROPPED.format(crop=plan.value("crop"), side=side, period=2 * (side - 1))
    if plan.used("flip"):
        yield f"columns = torch.where({chosen}[:, None], {side - 1} - columns, columns)"
    yield texts.PIECES[plan.coloured]


def coloured(plan: Plan) -> Iterator[str]:
    """Other brightness, contrast and saturation, or no colours at all."""
    grey = f"(draws[11] < {plan.value('grey')})[:, None, None, None]"
    yield texts.LIGHT
    if not plan.used("colour"):
        yield f"return torch.where({grey}, light, x).clamp(0, 1)"
        return
    yield texts.FACTORS.format(colour=plan.value("colour"))
    if plan.used("grey"):
        yield f"saturation = saturation.masked_fill({grey}, 0)"
    yield texts.SHADED


def blotted(plan: Plan) -> Iterator[str]:
    yield texts.BLOTTED.format(cutout=plan.value("cutout"), side=plan.shape[1])

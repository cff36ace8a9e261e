"""Pieces of the programs that `script.py` puts together (torch-free)."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

PREPARATION_WORDS = (
    "With one thread, as the numbers depend on it, and on the CPU: for a run that was trained on a "
    'GPU, say "cuda". Each purpose has a generator of its own, seeded with a number that was made '
    "from the seed of the run."
)
DEVICE = """\
torch.set_num_threads(1)
device = "cpu\""""

# Data --------------------------------------------------------------------------------------------

DATA_WORDS = {
    "digits": "Handwritten digits, 8 × 8 pixels, their grey values from 0 to 255.",
    "mnist": "Handwritten digits, 28 × 28 pixels; the last 10,000 are the test part.",
    "fashion-mnist": "Clothes, 28 × 28 pixels; the last 10,000 are the test part.",
    "cifar10": "Animals and vehicles, 32 × 32 pixels in colour; the last 10,000 are the test part.",
}
FOLDER_WORDS = "They come to the folder `data`, or to the one that DATA_FOLDER names."
LOSSY_WORDS = (
    "The run learned from a lossy copy, the pictures of JPEG files. If it is in that folder it is "
    "taken here too; with the original pictures the metrics differ by a few percent."
)

DIGITS = """\
digits = load_digits()
pictures = np.rint(digits.images * (255 / 16)).astype(np.uint8)
labels = digits.target"""

TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10"}
FOLDER = 'folder = Path(os.environ.get("DATA_FOLDER", "data"))'
GREY = """\
both = [{name}(folder, train=train, download=True) for train in (True, False)]
pictures = np.concatenate([each.data.numpy() for each in both])
labels = np.concatenate([each.targets.numpy() for each in both])"""
COLOURED = """\
both = [{name}(folder, train=train, download=True) for train in (True, False)]
pictures = np.concatenate([each.data for each in both])
labels = np.concatenate([each.targets for each in both])"""

COPY_READ = """\
archive, found = np.load(copy_of_them), []
for split in ("train", "test"):
    content = archive[f"{split}_jpeg"].tobytes()
    files = (BytesIO(content[a:b]) for a, b in pairwise(archive[f"{split}_offsets"]))
    found += [np.asarray(Image.open(file, formats=("JPEG",))) for file in files]
pictures = np.stack(found)
labels = np.concatenate([archive["train_labels"], archive["test_labels"]]).astype(int)"""


def lossy(official: str) -> str:
    """The copy of CIFAR-10 if it is there, otherwise the official pictures."""
    return (
        'copy_of_them = folder / "cifar10" / "cifar10_jpeg.npz"\n'
        f"if copy_of_them.exists():\n{indent(COPY_READ, '    ')}\n"
        'else:\n    print(f"There is no {copy_of_them}: the metrics will differ from the run\'s.")\n'
        f"{indent(official, '    ')}"
    )


PART_WORDS = {
    "train": "The network learns from the pictures of `train` alone.",
    "val": "Those of `val` show how it does on pictures that it has not seen.",
    "test": "Those of `test` are measured once, at the end.",
}

SCALE = """\
values = pictures[{some}].reshape(-1, {channels}) / 255
mean, deviation = values.mean(0), np.maximum(values.std(0), 1e-3)
mean = torch.tensor(mean, dtype=torch.float32, device=device).reshape(-1, 1, 1)
scale = 1 / torch.tensor(deviation, dtype=torch.float32, device=device).reshape(-1, 1, 1)"""

TENSORS = """\
pictures, labels = torch.from_numpy(pictures).to(device), torch.from_numpy(labels).to(device)
rows = {name: torch.from_numpy(numbers).to(device) for name, numbers in rows.items()}"""

# Augmentation ------------------------------------------------------------------------------------

AUGMENTATION_WORDS = (
    "Each training picture is changed in its own way every time it is shown. There are 14 numbers "
    "from 0 to 1 for each, whatever of it is switched on."
)
WARPING_WORDS = {"rotate": "turned", "shift": "shifted", "shear": "slanted", "zoom": "zoomed"}

RESAMPLED = """\
theta = torch.stack((xx, xy, x_from, yx, yy, y_from), 1).view(-1, 2, 3)
grid = affine_grid(theta, list(x.shape), align_corners=False)
return grid_sample(x, grid, align_corners=False).clamp(0, 1)"""

CROPPED = """\
start = (draws[1:3] * (2 * {crop} + 1)).long() - {crop}
there = (start[..., None] + torch.arange({side}, device=device)) % {period}
rows, columns = torch.minimum(there, {period} - there)"""

PIECES = {
    False: """\
which = torch.arange(len(x), device=device)[:, None, None]
return x[which, 0, rows[:, :, None], columns[:, None, :]][:, None]""",
    True: """\
which = torch.arange(len(x), device=device)[:, None, None]
pieces = x.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
return pieces.permute(0, 3, 1, 2)""",
}
"""By whether pictures are in colour."""

LIGHT = """\
luma = torch.tensor([0.299, 0.587, 0.114], device=device)[:, None, None]
light = (x * luma).sum(1, keepdim=True)"""
FACTORS = """\
factors = 1 + (2 * draws[8:11] - 1) * {colour}
brightness, contrast, saturation = factors[:, :, None, None, None]"""
SHADED = """\
middle = (1 - contrast) * brightness * light.mean((2, 3), keepdim=True)
shaded = torch.lerp(light, x, saturation)
return torch.addcmul(middle, shaded, brightness * contrast).clamp(0, 1)"""

BLOTTED = """\
\"\"\"A square takes the mean colour of the batch (cutout, DeVries and Taylor 2017).\"\"\"
first = ((draws[12:] * {side}).long() - {cutout} // 2)[..., None]
there = torch.arange({side}, device=device)
rows, columns = (there >= first) & (there < first + {cutout})
square = (rows[:, :, None] & columns[:, None, :])[:, None]
return torch.where(square, x.mean((0, 2, 3), keepdim=True), x)"""


def listed(words: Sequence[str]) -> str:
    """A sentence's beginning: Turned, shifted and zoomed."""
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return text.capitalize()


# Network -----------------------------------------------------------------------------------------

STANDARDISE = """\
class Standardise(nn.Module):
    def forward(self, x):
        return (x - mean) * scale"""

DROPOUT = """\
class Dropout(nn.Dropout):
    \"\"\"Draws from a generator of its own.\"\"\"

    def forward(self, x):
        if not self.training:
            return x
        mask = torch.empty_like(x).bernoulli_(1 - self.p, generator=silence)
        return x * (mask / (1 - self.p))"""
LIVE_DROPOUT = """\
class Dropout(nn.Module):
    def forward(self, x):
        if not self.training or now["dropout"] == 0:
            return x
        alive = 1 - now["dropout"]
        mask = torch.empty_like(x).bernoulli_(alive, generator=silence)
        return x * (mask / alive)"""
SILENCED = """\
seed = int(torch.randint(2**62, (), generator=weights))
silence = torch.Generator(device).manual_seed(seed)  # dropout draws from it"""

GLOBAL_AVERAGE = """\
class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))"""

ROWS = """\
class Rows(nn.LSTM):
    \"\"\"Reads a picture row by row; what it says at the last one counts.\"\"\"

    def forward(self, x):
        outputs, _ = super().forward(x.transpose(1, 2).flatten(2))
        return outputs[:, -1]"""

INCEPTION = """\
class Inception(nn.Module):
    \"\"\"Windows of three sizes and a pool side by side (Szegedy et al. 2015).\"\"\"

    def __init__(self, inputs, first, medium, wide, pooled):
        super().__init__()
        self.parts = first  # maps that the next step gets, and those of the other two branches
        self.first = nn.Conv2d(inputs, sum(first), 1)
        self.medium = nn.Conv2d(first[1], medium, 3, padding=1)
        self.wide = nn.Conv2d(first[2], wide, 5, padding=2)
        self.pooled = nn.Conv2d(inputs, pooled, 1)

    def forward(self, x):
        narrow, medium, wide = torch.relu(self.first(x)).split(self.parts, 1)
        pooled = self.pooled(max_pool2d(x, 3, 1, 1))
        return torch.relu(torch.cat([narrow, self.medium(medium), self.wide(wide), pooled], 1))"""

_BODIES = {
    "residual": (
        "Two convolutions, and what they are given is added (He et al. 2016).",
        """\
    def __init__(self, inputs, channels, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
""",
        "channels",
    ),
    "bottleneck": (
        "Three convolutions, the middle one narrow, and what they are given (He et al. 2016).",
        """\
    def __init__(self, inputs, channels, stride=1):
        super().__init__()
        outputs = 4 * channels
        self.body = nn.Sequential(
            nn.Conv2d(inputs, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
""",
        "outputs",
    ),
}

_SHORTCUT = """\
        self.shortcut = nn.Sequential()  # gives what it gets
        if inputs != {outputs} or stride > 1:
            self.shortcut.append(nn.Conv2d(inputs, {outputs}, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d({outputs}))
"""


def residual(kind: str, resized: bool) -> str:
    """The class of a residual block; some of its kind are `resized` or none is."""
    words, body, outputs = _BODIES[kind]
    head = f'class {kind.capitalize()}(nn.Module):\n    """{words}"""\n\n{body}'
    given = "self.shortcut(x)" if resized else "x"
    head += _SHORTCUT.format(outputs=outputs) * resized
    return f"{head}\n    def forward(self, x):\n        return torch.relu(self.body(x) + {given})"


MODULES = {
    "relu": "nn.ReLU()",
    "leaky-relu": "nn.LeakyReLU()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "gap": "GlobalAverage()",
}
"""Blocks that have no numbers."""

INITIALISE = """\
weights = torch.Generator().manual_seed({seed})
with torch.no_grad():
    for layer in model.modules():
        if isinstance(layer, {kinds}):
            bound = layer.weight[0].numel() ** -0.5
            for parameter in layer.parameters():
                parameter.uniform_(-bound, bound, generator=weights)"""
INITIALISE_ROWS = """\
weights = torch.Generator().manual_seed({seed})
with torch.no_grad():
    for layer in model.modules():
        if isinstance(layer, {kinds}):
            bound = layer.weight[0].numel() ** -0.5
        elif isinstance(layer, nn.LSTM):
            bound = layer.hidden_size**-0.5
        else:
            continue
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=weights)"""

# Loss and training -------------------------------------------------------------------------------

MIXUP_WORDS = (
    "Each picture is blended with another one, and so are their labels (mixup, Zhang et al. 2018)."
)
BLENDED = """\
partner = torch.randperm(len(x), generator=noise).to(device)
seed = int(torch.randint(2**63 - 1, (), generator=noise))
share = float(np.random.default_rng(seed).beta({alpha}, {alpha}))
logits = {blended}
first = cross_entropy(logits, y{smoothing})
second = cross_entropy(logits, y[partner]{smoothing})
return share * first + (1 - share) * second"""

DECAYED = "decayed = [p for p in model.parameters() if p.dim() > 1]"

GROUPS = """\
groups = [
    {{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": {l2}}},
    {{"params": [p for p in model.parameters() if p.dim() == 1]}},
]"""

HALF = """\
with torch.autocast(device, torch.bfloat16):
    return model(x).float()"""

PENALISED = """\
for w in decayed:
    w.grad.add_(w.detach(), alpha={l2})"""

BATCHES = """\
order = torch.randperm(len(train), generator=batches, device=device)
for numbers in train[order].split({size}):"""

# Metrics -----------------------------------------------------------------------------------------

TWICE = """\
pieces = (taken(some) for some in numbers.split(512))
return torch.cat([(model(x) + model(x.flip(3))) / 2 for x in pieces])"""

METRICS = """\
metrics = {}
for name, numbers in rows.items():
    logits, actual = answers(numbers), labels[numbers]
    metrics[f"{name}_accuracy"] = (logits.argmax(1) == actual).double().mean().item()
    metrics[f"{name}_loss"] = cross_entropy(logits, actual).item()"""

SMOOTHED = """\
logits = answers(rows["train"])
loss = cross_entropy(logits, labels[rows["train"]]{smoothing})
metrics["train_loss"] = loss.item()"""

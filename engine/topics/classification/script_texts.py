"""Pieces of the programs that `script.py` puts together (torch-free)."""

from __future__ import annotations

# Data --------------------------------------------------------------------------------------------

RULES = {
    "xor": "x[:, 0] * x[:, 1] >= 0",
    "checkerboard": "np.floor((x + 1) * 2).astype(int).sum(1) % 2 == 1",
}
"""What is true of the points of class 1."""

RULED = """\
x = random.uniform(-1, 1, ({samples}, 2))
y = ({rule}).astype(int)"""

MORE_OF_EACH = """\
while (np.bincount(y, minlength=2) < counts).any():
    x = np.concatenate([x, random.uniform(-1, 1, ({samples}, 2))])
    y = ({rule}).astype(int)
firsts = [np.flatnonzero(y == k)[:count] for k, count in enumerate(counts)]
chosen = np.concatenate(firsts)
x, y = x[chosen], y[chosen]"""

SHAPES = {
    "circles": """\
inner, outer = [(0.7, 1.0), (0.0, 0.5)][k]
radius = random.uniform(inner, outer, count)
angle = random.uniform(0, 2 * np.pi, count)
shapes.append(np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]))""",
    "moons": """\
angle = np.linspace(0, np.pi, count)
moon = [np.cos(angle), np.sin(angle)] if k == 0 else [1 - np.cos(angle), 0.5 - np.sin(angle)]
shapes.append((np.column_stack(moon) - (0.5, 0.25)) / (1.5, 0.75))""",
    "blobs": """\
angle = np.pi / 4 + 2 * np.pi * k / {classes}
centre = np.array([0.7 * np.sin(angle), 0.7 * np.cos(angle)])
shapes.append(centre + random.normal(0, 0.1, (count, 2)))""",
    "spirals": """\
radius = np.arange(1, count + 1) / count
angle = 2 * np.pi * (1.75 * radius + k / {classes})
shapes.append(np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]))""",
}
SHAPES["three-spirals"] = SHAPES["spirals"]
"""The points of class k, of which there are `count`."""

SHAPED = """\
shapes = []
for k, count in enumerate(counts):
{shape}
x, y = np.concatenate(shapes), np.repeat(np.arange({classes}), counts)"""

LOADERS = {
    "iris": "load_iris",
    "wine": "load_wine",
    "breast-cancer": "load_breast_cancer",
    "digits": "load_digits",
}

BUNDLED = """\
x, y = {loader}(return_X_y=True)
x = x.astype(np.float32)"""

FETCHED = """\
url = (
{url})
file = Path("{file}")
if not file.exists():
    urlretrieve(url, file)"""

FILES = {
    "sonar": """\
table = np.loadtxt(file, delimiter=",", skiprows=1, dtype=str)
x, y = table[:, :-1].astype(np.float32), (table[:, -1] == "Mine").astype(int)""",
    "credit": """\
table = np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.float32)
chosen = [1, *range(3, 24)]  # without the number and the sex of a client
x, y = table[:, chosen], table[:, 24].astype(int)""",
}
"""How downloaded tables are read."""

TORCHVISION = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}

PICTURES = """\
pictures = [{name}("data", train=train, download=True) for train in (True, False)]
x = np.concatenate([p.data.numpy() for p in pictures]).reshape(-1, 28 * 28)
x, y = x.astype(np.float32) / 255, np.concatenate([p.targets.numpy() for p in pictures])"""

DATA_WORDS = {
    "xor": "Points in a square, of class 1 where the signs of x and y are the same.",
    "circles": "Points in a ring, class 0, and in the disc inside of it.",
    "moons": "Points on two half circles that reach into each other.",
    "blobs": "Clouds of points around {classes} centres on a circle.",
    "spirals": "Points on two arms that wind around each other.",
    "three-spirals": "Points on three arms that wind around each other.",
    "checkerboard": "Points in a square, of class 1 on the dark fields of a board of 4 × 4.",
    "iris": "Four lengths of each flower; the class is its species.",
    "wine": "What chemists measured of each wine; the class is its grower.",
    "breast-cancer": "Features of cells under the microscope; class 1 is benign.",
    "digits": "Grey values of handwritten digits, 8 × 8 pixels.",
    "sonar": "Strengths of an echo in 60 bands; class 1 are mines, class 0 rocks.",
    "credit": "What a bank knew of its clients; those of class 1 did not pay.",
    "mnist": "Grey values of handwritten digits, 28 × 28 pixels; the test part comes with them.",
    "fashion-mnist": "Grey values of clothes, 28 × 28 pixels; the test part comes with them.",
}
"""What the rows are."""

LISTED_WORDS = "Each row holds its inputs and, as the last number, its class."

PART_WORDS = {
    "train": "The network learns from the rows of `train` alone.",
    "val": "Those of `val` show how it does on rows that it has not seen.",
    "test": "Those of `test` are measured once, at the end.",
}

LISTED = """\
table = np.array(
    [
{rows}    ],
    dtype=np.float32,
)
x, y = table[:, :-1], table[:, -1].astype(int)"""

CHOOSING = {
    "shuffled": """\
def shuffled(y, random):
    order = random.permutation(len(y))
    last = [order[y[order] == k][-1] for k in np.unique(y)]
    return order[~np.isin(order, last)]""",
    "stratified": """\
def stratified(y, random):
    order = random.permutation(len(y))
    place, last = np.empty(len(y)), []
    for k in np.unique(y):
        rows = order[y[order] == k]
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        last.append(rows[-1])
    order = order[np.argsort(place[order], kind="stable")]
    return order[~np.isin(order, last)]""",
}
"""Functions, by name, that tell in which order rows may be taken away."""

CHOOSING_WORDS = {
    "shuffled": "`shuffled` gives the rows in random order, without one of every class: that one "
    "always stays to learn from.",
    "stratified": "`stratified` gives the rows in an order of which any first part holds the "
    "classes in proportion; one of every class is not in it, and always stays to learn from.",
}

REPEATED = "Rows of rare classes are repeated, until all classes have as many to learn from."
REPEATED_BEFORE = (
    "Rows of rare classes are repeated until all classes have as many. As that happens before "
    "rows are held out, copies of the same row come into several parts."
)

OVERSAMPLE = """\
random = np.random.default_rng([{seed}, {stream}])
counts = np.bincount(y{of})
copies = [
    np.resize(random.permutation({rows}), counts.max() - count)
    for k, count in enumerate(counts)
]
repeated = np.concatenate([np.arange(len(y)), *copies])"""

SCALING_WORDS = {
    "none": "As tensors of PyTorch, unscaled.",
    "standard": "Inputs come to mean 0 and standard deviation 1.",
    "range": "Inputs come to the range 0…1.",
}

# Network -----------------------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "leaky-relu": "nn.LeakyReLU(0.01)",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "gelu": "nn.GELU()",
    "sine": "Sine()",
}

NORMALISATIONS = {"batch": "nn.BatchNorm1d", "layer": "nn.LayerNorm"}

SINE = """\
class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)"""

NOISE = """\
class Noise(nn.Module):
    def forward(self, x):
        if {idle}:
            return x
        return x + {sd} * torch.randn(x.T.shape, generator=noise).T"""

DROPOUT = """\
class Dropout(nn.Module):
    def forward(self, x):
        if {idle}:
            return x
        alive = torch.rand({shape}, generator=noise).T >= {rate}
        return x * ({alive} / (1 - {rate}))"""

SINGLE_ROWS = """\
class BatchNorm(nn.BatchNorm1d):
    def forward(self, x):
        if len(x) > 1 or not self.training:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.lerp_(x[0], 0.1)
            self.running_var.mul_(0.9)
        return self.bias + self.weight * (x - x)"""

INITIALISATIONS = {
    "pytorch": (
        "Weights start uniform in ±1/√(inputs of the layer), PyTorch's own default.",
        "bound = layer.in_features**-0.5\n"
        "layer.weight.uniform_(-bound, bound, generator=weights)\n"
        "layer.bias.uniform_(-bound, bound, generator=weights)",
    ),
    "xavier": (
        "Weights start uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010).",
        "nn.init.xavier_uniform_(layer.weight, generator=weights)\nnn.init.zeros_(layer.bias)",
    ),
    "he": (
        "Weights start normal with variance 2 / inputs (He et al. 2015).",
        'nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=weights)\n'
        "nn.init.zeros_(layer.bias)",
    ),
    "large": (
        "Weights start much too large.",
        "nn.init.normal_(layer.weight, std=8.0, generator=weights)\nnn.init.zeros_(layer.bias)",
    ),
    "zero": (
        "All weights start at zero.",
        "nn.init.zeros_(layer.weight)\nnn.init.zeros_(layer.bias)",
    ),
}
"""In words and in code, for one linear layer."""

FIXED_BIASES = """\
for layer, following in pairwise(model):
    if isinstance(following, nn.BatchNorm1d):
        layer.bias.requires_grad_(False)"""

WEIGHTED_LOSSES = {
    True: """\
def loss(logits, y):
    share = class_weights[y.long()] / class_weights[y.long()].sum()
    return nn.functional.binary_cross_entropy_with_logits(logits, y, share, reduction="sum")""",
    False: """\
def loss(logits, y):
    return nn.functional.cross_entropy(logits, y, class_weights)""",
}
"""By whether there are two classes."""

PLAIN_LOSSES = {True: "nn.BCEWithLogitsLoss()", False: "nn.CrossEntropyLoss()"}

CLASS_WEIGHTS = """\
counts = torch.bincount(targets.long())
class_weights = counts.sum() / ({classes} * counts)"""

LBFGS = """\
LBFGS(
    {parameters},
    lr={rate},
    max_iter=1,
    history_size=10,
    line_search_fn="strong_wolfe",
)"""

DECAYED = """\
groups = [
    {{"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": {l2}}},
    {{"params": [p for p in model.parameters() if p.dim() == 1]}},
]"""

# Training ----------------------------------------------------------------------------------------

BATCHES = """\
for rows in torch.randperm(len(inputs), generator=batches).split({size}):
    batch_x, batch_y = inputs[rows], targets[rows]"""

BATCHES_OR_ALL = """\
shuffled_rows = torch.randperm(len(inputs), generator=batches)
order = shuffled_rows if size < len(inputs) else torch.arange(len(inputs))
for rows in order.split(size):
    batch_x, batch_y = inputs[rows], targets[rows]"""

# Measuring ---------------------------------------------------------------------------------------

AUC = """\
def auc(score, positive):
    others = score[~positive].sort().values
    below = torch.searchsorted(others, score[positive])
    not_above = torch.searchsorted(others, score[positive], right=True)
    return (below + not_above).double().mean().item() / (2 * len(others))"""

CALIBRATION_ERROR = """\
def calibration_error(p, y):
    confidence, winner = p.double().max(1)
    bins = (p.amax(1) * 10).long().clamp(max=9)
    gaps = torch.zeros(10).double().scatter_add(0, bins, (winner == y).double() - confidence)
    return gaps.abs().sum().item() / len(y)"""

MEASURES_WORDS = (
    "The area under the ROC curve is the chance that a row of the class scores higher than one of "
    "another class, ties counting half. The calibration error is the mean gap between confidence "
    "and accuracy over ten bins of confidence (Guo et al. 2017)."
)

FOLDS = """\
order = np.random.default_rng([{seed}, 3]).permutation(len(targets))
folds = np.array_split(order, {folds})
{fewest}right = 0
for fold in folds:
    others = order[~np.isin(order, fold)]{cut}
    model = train(inputs[others], targets[others]{arguments})
    with torch.no_grad():
        right += ({right}).sum().item()"""

NOT_DIVERGED = """\
# Without those that have diverged.
members = [member for member in members if member["train_loss"] <= 1e6]
"""

MEANS = """\
metrics = {}
for name in members[0]:
    values = [member[name] for member in members]
    metrics[name] = statistics.fmean(values)
    if len(values) > 1:
        metrics[f"{name}_sd"] = statistics.stdev(values)
print(json.dumps(metrics))"""

"""Pieces of the programs that `script.py` puts together (torch-free)."""

from __future__ import annotations

ACTIVATIONS = {
    "tanh": "nn.Tanh()",
    "relu": "nn.ReLU()",
    "gelu": "nn.GELU()",
    "sigmoid": "nn.Sigmoid()",
}

LOSS_WORDS = {
    "mse": "The squared error is minimised.",
    "mae": "The absolute error is minimised.",
    "huber": "Small errors are squared, those above delta count linearly.",
    "quantile": "The pinball loss has its minimum at the three quantiles.",
}

LOSSES = {
    "mse": "loss = nn.MSELoss()",
    "mae": "loss = nn.L1Loss()",
    "huber": "loss = nn.HuberLoss(delta={huber_delta})",
    "quantile": """\
levels = torch.tensor([0.1, 0.5, 0.9])


def loss(outputs, targets):
    error = targets - outputs
    return torch.maximum(levels * error, (levels - 1) * error).mean()""",
}

SCHEDULES = {
    "step": "return 1.0 if t < 0.5 else 0.1 if t < 0.75 else 0.01",
    "exponential": "return 0.01**t",
    "cosine": "return (1 + math.cos(math.pi * t)) / 2",
    "one-cycle": """\
start, end = 1 / 25, 1e-5
if t < 0.3:
    return start + (1 - start) * (1 - math.cos(math.pi * t / 0.3)) / 2
return end + (1 - end) * (1 + math.cos(math.pi * (t - 0.3) / (1 - 0.3))) / 2""",
}

OPTIMISERS = {
    "sgd": "SGD({parameters}, lr={rate}, fused=True)",
    "momentum": "SGD({parameters}, lr={rate}, momentum=0.9, fused=True)",
    "nesterov": "SGD({parameters}, lr={rate}, momentum=0.9, nesterov=True, fused=True)",
    "adagrad": "Adagrad({parameters}, lr={rate}, fused=True)",
    "rmsprop": "RMSprop({parameters}, lr={rate})",
    "adam": "Adam({parameters}, lr={rate}, fused=True)",
    "adamw": "AdamW({parameters}, lr={rate}, weight_decay=0.0, fused=True)",
    "lbfgs": """\
LBFGS(
    {parameters}, lr={rate}, max_iter=1, history_size=10, line_search_fn="strong_wolfe"
)""",
}

DECAYED = """\
[
    {{"params": [m.weight for m in model if isinstance(m, nn.Linear)], "weight_decay": {l2}}},
    {{"params": [m.bias for m in model if isinstance(m, nn.Linear)]}},
]"""

LEGENDRE = """\
before, last = torch.ones_like(x), x
terms = [last]
for n in range(1, {degree}):
    before, last = last, ((2 * n + 1) * x * last - n * before) / (n + 1)
    terms.append(last)
return torch.cat(terms, dim=-1)"""

NOISE = """\
class Noise(nn.Module):
    def forward(self, x):
        if not self.training:
            return x
        return x + {sd} * torch.randn(x.shape, generator=noise)"""

DROPOUT = """\
class Dropout(nn.Module):
    def forward(self, x):
        if not self.training:
            return x
        return x * (torch.rand(x.shape, generator=noise) >= {rate}) / (1 - {rate})"""

QUANTILES = """\
class Quantiles(nn.Module):
    def forward(self, x):
        middle, below, above = x.split(1, dim=-1)
        softplus = nn.functional.softplus
        return torch.cat([middle - softplus(below), middle, middle + softplus(above)], dim=-1)"""

INITIALISE = """\
with torch.no_grad():
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            layer.weight.uniform_(-bound, bound, generator=weights)
            layer.bias.uniform_(-bound, bound, generator=weights)"""

BATCHES = """\
    for chosen in torch.randperm(len(inputs), generator=batches).split({size}):
        batch_x, batch_y = inputs[chosen], targets[chosen]"""

CLOSURE = """\

def closure():
    optimiser.zero_grad()
    value = {value}
    value.backward()
    return value
"""

COPY = "copy.deepcopy(model.state_dict())"

ERRORS = """\
error = {predicted} - actual
variance = actual.var(correction=0)
metrics[f"{{part}}_mse"] = error.square().mean().item()
metrics[f"{{part}}_mae"] = error.abs().mean().item()
if variance > 0:
    metrics[f"{{part}}_r2"] = 1 - metrics[f"{{part}}_mse"] / variance.item()"""

COVERAGE = """\
inside = (low <= actual) & (actual <= high)
metrics[f"{part}_coverage80"] = inside.double().mean().item()"""

LINE = """\
    ends = {ends}
    metrics["slope"] = (ends[1] - ends[0]).item()
    metrics["intercept"] = ends[0].item()"""

MEANS = """\
metrics = {}
for name in members[0]:
    values = [member[name] for member in members]
    metrics[name] = statistics.fmean(values)
    metrics[f"{name}_sd"] = statistics.stdev(values)
print(json.dumps(metrics))"""

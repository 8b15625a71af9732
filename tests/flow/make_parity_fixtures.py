"""Writes tests/flow/fixtures/*.safetensors: what small UNets of the real torchcfm make of given inputs.

Run with numpy, torch, torchcfm and safetensors installed:  python tests/flow/make_parity_fixtures.py
Each file holds x, t (and labels), the output v and, for one case, the gradients of mean(v * direction) under "grad/". Its metadata are
the settings, in the names of network.* keys, and "state": the names and shapes of the real state dict. The weights themselves follow
from a formula (weight_values below, and its twin in parity_test.cpp), which keeps the files small. parity_test.cpp reads them.
"""

import argparse
import json
import math
from pathlib import Path

import numpy
import torch
from safetensors.torch import save_file
from torchcfm.models.unet.unet import UNetModelWrapper

# Everything that changes the graph or the parameter names occurs in one case at least.
CASES = {
    "plain": dict(image=(1, 28, 28), channels=32, channel_mult=(1, 2, 2), res_blocks=1, attention=(14,), heads=4, head_channels=32),
    "conditional": dict(image=(3, 8, 8), channels=32, channel_mult=(1, 2), res_blocks=2, attention=(4,), heads=1, head_channels=16,
                        classes=5, scale_shift_norm=True, resblock_updown=True),
    "new_order": dict(image=(2, 8, 12), channels=64, channel_mult=(1, 3), res_blocks=1, attention=(8, 4), heads=4, head_channels=-1,
                      new_attention_order=True, classes=2),
    "pooled": dict(image=(1, 8, 8), channels=32, channel_mult=(2, 1, 1), res_blocks=1, attention=(), heads=1, head_channels=32,
                   conv_resample=False),
}
BATCH = 2


def weight_values(name, shape):
    """Pseudo-random weights, exact in float32: the high byte of splitmix64, seeded by FNV-1a of the name, times a power of two."""
    mask, fnv = (1 << 64) - 1, 0xCBF29CE484222325
    for byte in name.encode():
        fnv = (fnv ^ byte) * 0x100000001B3 & mask
    count = int(numpy.prod(shape))
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(fnv) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    unit = ((z >> numpy.uint64(56)).astype(numpy.float32) - 127.5) / 128
    fan_in = count // shape[0]
    scale = 0.5 if len(shape) == 1 else 2.0 ** math.floor(0.5 * math.log2(3 / fan_in) + 0.5)
    return torch.from_numpy((unit * numpy.float32(scale)).reshape(shape))


def build(case):
    channels, height, _ = case["image"]
    model = UNetModelWrapper.__mro__[1](  # UNetModel: the wrapper hides conv_resample
        image_size=height, in_channels=channels, model_channels=case["channels"], out_channels=channels,
        num_res_blocks=case["res_blocks"], attention_resolutions=tuple(height // r for r in case["attention"]),
        channel_mult=case["channel_mult"], conv_resample=case.get("conv_resample", True), num_classes=case.get("classes"),
        num_heads=case["heads"], num_head_channels=case["head_channels"],
        use_scale_shift_norm=case.get("scale_shift_norm", False), resblock_updown=case.get("resblock_updown", False),
        use_new_attention_order=case.get("new_attention_order", False))
    # Formula weights everywhere: layers that start at zero would hide what stands before them.
    model.load_state_dict({name: weight_values(name, tuple(value.shape)) for name, value in model.state_dict().items()})
    return model.eval()


def settings_text(case):
    height, width = case["image"][1:]
    values = dict(image_channels=case["image"][0], image_height=height, image_width=width)
    values.update({key: value for key, value in case.items() if key != "image"})
    return {key: ",".join(map(str, value)) if isinstance(value, tuple) else str(int(value)) for key, value in values.items()}


def make(name, case, folder, seed):
    torch.manual_seed(seed + sum(map(ord, name)))
    model = build(case)
    x, t = torch.randn(BATCH, *case["image"]), torch.rand(BATCH)
    labels = torch.randint(case["classes"], (BATCH,)) if "classes" in case else None
    v = model(t, x, labels) if labels is not None else model(t, x)
    tensors = dict(x=x, t=t, v=v.detach())
    if labels is not None:
        tensors["labels"] = labels
    if name == "conditional":
        tensors["direction"] = torch.randn_like(v)
        (v * tensors["direction"]).mean().backward()
        # Whole gradients would take megabytes; per output channel, the sum of squares catches a wrong formula just as well.
        tensors.update({f"grad/{key}": value.grad if value.dim() == 1 else value.grad.flatten(1).square().sum(1)
                        for key, value in model.named_parameters()})
    metadata = settings_text(case)
    metadata["state"] = "\n".join(f"{key} {','.join(map(str, value.shape))}" for key, value in model.state_dict().items())
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors", metadata=metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "fixtures")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        make(name, case, arguments.out, arguments.seed)
    print(json.dumps({path.name: path.stat().st_size for path in sorted(arguments.out.glob("*.safetensors"))}, indent=1))

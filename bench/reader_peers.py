"""Random-order delivery of ready float32 batches of 128: pathline's reader and other software, by turns.

    python bench/reader_peers.py build/bin/reader_throughput SCRATCH_FOLDER [--rounds 3] [--seconds 2]

Every contender delivers float32 [128, H, W, C] in [-1, 1] from the same HDF5 file, which lies in the page cache; pathline also checks the
xxh3 of every image. Each round measures every contender once; medians over the rounds are printed. CPU seconds include worker processes.
webdataset and streaming are measured where they are installed.
"""

import argparse
import importlib.util
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import time

import h5py
import numpy as np
import torch

SIZES = {"28x28x1": (1, 28, 28, 60000), "32x32x3": (3, 32, 32, 50000), "256x256x3": (3, 256, 256, 2000)}
BATCH = 128


def ready(image):
    return (image.astype(np.float32) - 127.5) / 127.5


class H5pyImages(torch.utils.data.Dataset):
    """Opens the file in the worker: a handle that was open before the fork reads wrong data."""

    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path) as file:
            self.count = len(file["images"])

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if self.file is None:
            self.file = h5py.File(self.path)
            self.images, self.labels = self.file["images"], self.file["labels"]
        return ready(self.images[index]), int(self.labels[index])


def h5py_loader(path, workers):
    loader = torch.utils.data.DataLoader(H5pyImages(path), batch_size=BATCH, shuffle=True, num_workers=workers, drop_last=True,
                                         persistent_workers=workers > 0)
    while True:
        yield from loader


def numpy_loop(path, _):
    with h5py.File(path) as file:
        images, labels = file["images"][:], file["labels"][:]
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(len(images))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[at:at + BATCH]
            yield ready(images[chosen]), labels[chosen]


def pack_for_webdataset(path):
    with h5py.File(path) as file, tarfile.open(path + ".tar", "w") as out:
        for i, (image, label) in enumerate(zip(file["images"], file["labels"])):
            for name, data in ((f"{i:06}.bin", image.tobytes()), (f"{i:06}.cls", str(label).encode())):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))


def webdataset_loader(path, workers):
    import webdataset

    tar = path + ".tar"
    with h5py.File(path) as file:
        shape = file["images"].shape[1:]
    data = (webdataset.WebDataset(tar, shardshuffle=False, empty_check=False).shuffle(1000)
            .map(lambda s: (ready(np.frombuffer(s["bin"], np.uint8).reshape(shape)), int(s["cls"]))))
    while True:
        yield from torch.utils.data.DataLoader(data, batch_size=BATCH, num_workers=workers, drop_last=True)


def pack_for_streaming(path):
    import streaming

    columns = {"image": "bytes", "label": "int"}
    with h5py.File(path) as file, streaming.MDSWriter(out=path + ".mds", columns=columns) as out:
        for image, label in zip(file["images"], file["labels"]):
            out.write({"image": image.tobytes(), "label": int(label)})


def streaming_loader(path, workers):
    """MosaicML streaming from a local folder."""
    import streaming

    folder = path + ".mds"
    with h5py.File(path) as file:
        shape = file["images"].shape[1:]

    class Images(streaming.StreamingDataset):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            return ready(np.frombuffer(sample["image"], np.uint8).reshape(shape)), sample["label"]

    data = Images(local=folder, shuffle=True, batch_size=BATCH)
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, num_workers=workers, drop_last=True, persistent_workers=workers > 0)
    while True:
        yield from loader


def measure_python(make, path, workers, seconds):
    """In a child process, so that its workers are all waited for and their CPU time counted."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        start = time.perf_counter()
        batches = make(path, workers)
        next(batches)
        first = time.perf_counter() - start
        images, begin = 0, time.perf_counter()
        cpu = time.process_time()
        while time.perf_counter() - begin < seconds:
            images += len(next(batches)[0])
        wall = time.perf_counter() - begin
        own = time.process_time() - cpu
        batches.close()
        workers_cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = own + (workers_cpu.ru_utime + workers_cpu.ru_stime if workers else 0.0)
        os.write(write, json.dumps({"images_per_second": images / wall, "cpu_per_1000": total / images * 1000,
                                    "first_batch_ms": first * 1e3}).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result = json.loads(pipe.read())
    os.waitpid(child, 0)
    return result


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("program")
    options.add_argument("scratch")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--sizes", default=",".join(SIZES))
    given = options.parse_args()

    for size in given.sizes.split(","):
        folder = os.path.join(given.scratch, size)
        if not os.path.exists(folder):
            subprocess.run([given.program, "make", folder, *map(str, SIZES[size])], check=True)
        path = os.path.join(folder, "shard-00000.h5")

        def ours(*words):
            return lambda: json.loads(subprocess.run([given.program, "run", folder, *words, "2", str(given.seconds)], check=True,
                                                     capture_output=True, text=True).stdout)

        contenders = {
            "pathline floats, pread": ours("floats", "pread", "0"),
            "pathline floats, in memory": ours("floats", "pread", "512"),
            "pathline uint8, pread": ours("stored", "pread", "0"),
            "pathline uint8, in memory": ours("stored", "pread", "512"),
            "NumPy in memory": lambda: measure_python(numpy_loop, path, 0, given.seconds),
            "h5py + DataLoader, 0 workers": lambda: measure_python(h5py_loader, path, 0, given.seconds),
            "h5py + DataLoader, 2 workers": lambda: measure_python(h5py_loader, path, 2, given.seconds),
        }
        for name, module, make, pack, ending in (
                ("WebDataset", "webdataset", webdataset_loader, pack_for_webdataset, ".tar"),
                ("MosaicML streaming", "streaming", streaming_loader, pack_for_streaming, ".mds")):
            if importlib.util.find_spec(module):
                if not os.path.exists(path + ending):
                    pack(path)
                for workers in (0, 2):
                    contenders[f"{name}, {workers} workers"] = (
                        lambda make=make, workers=workers: measure_python(make, path, workers, given.seconds))
        results = {name: [] for name in contenders}
        for _ in range(given.rounds):
            for name, run in contenders.items():
                results[name].append(run())
        print(f"\n{size}: | images/s | CPU s per 1,000 | first batch, ms")
        for name, each in results.items():
            median = {key: statistics.median(r[key] for r in each) for key in ("images_per_second", "cpu_per_1000", "first_batch_ms")}
            print(f"| {name} | {median['images_per_second']:,.0f} | {median['cpu_per_1000']:.4f} | {median['first_batch_ms']:.1f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

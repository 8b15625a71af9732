#!/usr/bin/env python3
"""The usual way to turn a picture tree into one HDF5 file: a Pillow loop in worker processes, the peer of `pathline shards create`.

    python bench/convert_pillow.py TREE OUT.h5 --size 64 --processes 2 [--resize area|lanczos]

Same work as `pathline shards create --from folder --input TREE --out DIR --size 64 --resize area --on-error skip`: every picture in order of
its path, alpha composited on white, the largest centred square, resized to 64 x 64 RGB; labels from the top-level folders. Prints seconds.
"""
import argparse
import multiprocessing
import os
import time

import h5py
import numpy as np
from PIL import Image


def convert(task):
    path, size, how = task
    try:
        with Image.open(path) as picture:
            if picture.mode == "P" or "transparency" in picture.info:
                picture = picture.convert("RGBA")
            if picture.mode in ("RGBA", "LA"):
                picture = picture.convert("RGBA")
                white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
                picture = Image.alpha_composite(white, picture)
            picture = picture.convert("RGB")
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            picture = picture.crop((left, top, left + side, top + side)).resize((size, size), how)
            return np.asarray(picture)
    except Exception as error:  # what cannot be read is skipped, as --on-error skip does
        print(f"{path}: {error}")
        return None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("tree")
    arguments.add_argument("out")
    arguments.add_argument("--size", type=int, default=64)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--resize", choices=["area", "lanczos"], default="area")
    options = arguments.parse_args()
    how = Image.Resampling.BOX if options.resize == "area" else Image.Resampling.LANCZOS
    start = time.perf_counter()
    paths = sorted(os.path.relpath(os.path.join(folder, name), options.tree)
                   for folder, _, names in os.walk(options.tree) for name in names if name.lower().endswith((".png", ".jpg", ".jpeg")))
    classes = {name: number for number, name in enumerate(sorted({path.split("/")[0] for path in paths}))}
    images, labels = [], []
    with multiprocessing.Pool(options.processes) as pool:
        tasks = ((os.path.join(options.tree, path), options.size, how) for path in paths)
        for path, image in zip(paths, pool.imap(convert, tasks, chunksize=16)):
            if image is not None:
                images.append(image)
                labels.append(classes[path.split("/")[0]])
    with h5py.File(options.out, "w") as file:
        file["images"], file["labels"] = np.stack(images), np.array(labels)
        file.flush()
        os.fsync(file.id.get_vfd_handle())
    seconds = time.perf_counter() - start
    print(f"{len(images)} of {len(paths)} pictures in {seconds:.2f} s, {len(images) / seconds:.0f} pictures/s")


if __name__ == "__main__":
    main()

"""How many JPEG files a second become training input by Torchvision in a DataLoader with two workers.

Usage: picture_throughput.py FOLDER [WORKERS] [EPOCHS]. The same work as the example picture_throughput of kamado-data:
decode, random resized crop to 224x224, flip, normalise.
"""

import pathlib
import sys
import time

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Pictures(Dataset):
    def __init__(self, folder):
        self.files = sorted(pathlib.Path(folder).glob("*.jpg"))
        self.transform = transforms.Compose([
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return self.transform(Image.open(self.files[i]).convert("RGB"))


def main():
    folder, *rest = sys.argv[1:]
    workers, epochs = (int(x) for x in (rest + ["2", "3"][len(rest):]))
    torch.set_num_threads(1)
    loader = DataLoader(Pictures(folder), batch_size=32, shuffle=True, num_workers=workers, persistent_workers=True)
    for _ in range(epochs):
        start, count = time.perf_counter(), 0
        for batch in loader:
            count += len(batch)
        print(f"{count / (time.perf_counter() - start):.1f} pictures/s", flush=True)


if __name__ == "__main__":
    main()

"""From a CSV file to a clean, normalised matrix with pandas and scikit-learn, the peer of `csv_to_matrix.rs`.

    python csv_to_matrix.py make FILE [ROWS]    writes 20 columns of numbers (5 % missing) and 10 of categories
    python csv_to_matrix.py FILE                prints seconds for reading, fitting and encoding
"""

import sys
import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def make(path, rows):
    rng = np.random.default_rng(1)
    numbers = np.where(rng.random((rows, 20)) < 0.05, np.nan, np.round(rng.random((rows, 20)) * 100, 4))
    frame = pd.DataFrame(numbers, columns=[f"x{i}" for i in range(20)])
    for i in range(10):
        frame[f"c{i}"] = np.char.add("category ", rng.integers(0, 16, size=rows).astype(str))
    frame.to_csv(path, index=False)


def encode(path):
    start = time.perf_counter()
    frame = pd.read_csv(path)
    read = time.perf_counter()
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    names = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    columns = make_column_transformer(
        (numbers, list(frame.columns[:20])), (names, list(frame.columns[20:])), n_jobs=2
    )
    columns.fit(frame)
    fitted = time.perf_counter()
    matrix = columns.transform(frame).astype(np.float32)
    end = time.perf_counter()
    print(f"{path}: {matrix.shape[0]} rows of {matrix.shape[1]} numbers")
    print(f"read {read - start:.2f}s, fit {fitted - read:.2f}s, encode {end - fitted:.2f}s: {end - start:.2f}s")


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000)
else:
    encode(sys.argv[1])

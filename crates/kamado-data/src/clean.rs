//! Missing values, outliers, duplicates, and rows that cannot be used.

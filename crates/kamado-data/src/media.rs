//! Files that a table points to, on the disk or inside archives.

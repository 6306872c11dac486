//! Compiles a graph to a fused plan over one memory arena and runs it.

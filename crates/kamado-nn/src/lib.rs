//! Layers, initialisers, losses, optimisers, models and the model file.
#![forbid(unsafe_code)]

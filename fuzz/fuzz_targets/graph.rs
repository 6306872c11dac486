//! Any text is a graph that prints and reads back the same, or an error.
#![no_main]

use kamado_graph::graph::Graph;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(graph) = text.parse::<Graph>() {
        assert_eq!(graph.to_string().parse::<Graph>(), Ok(graph));
    }
});

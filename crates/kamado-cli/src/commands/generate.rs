//! `kamado generate MODEL`

use std::io::Write;
use std::process::ExitCode;

use kamado_train::{Decoding, Generation, Generator, Sampling};
use serde_json::json;

use super::find;
use crate::args::GenerateArgs;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &GenerateArgs) -> Result<ExitCode, Failure> {
    let mut generator = Generator::load(&find::model_path(&args.model), None)?;
    let GenerateArgs { temperature, top_k, top_p, seed, .. } = *args;
    let decoding = match args.beam {
        Some(width) => Decoding::Beam { width, length_penalty: 0.0 },
        None => Decoding::Sample(Sampling { temperature, top_k, top_p, seed }),
    };
    let generation = Generation { decoding, max_new_tokens: args.tokens as usize, ..Generation::default() };
    let mut out = std::io::stdout().lock();
    // Whoever reads the output may have seen enough: a closed pipe ends the text without a complaint.
    let mut show = |piece: &str| args.json || out.write_all(piece.as_bytes()).and_then(|()| out.flush()).is_ok();
    let mut begun = false;
    let text = generator.generate_text(&args.prompt, &generation, |piece| {
        let prompt = if begun { "" } else { args.prompt.as_str() };
        begun = true;
        (prompt.is_empty() || show(prompt)) && show(piece)
    })?;
    show("\n");
    drop(out);
    if args.json {
        say::json(&json!({ "prompt": args.prompt, "text": text, "seed": args.seed }));
    }
    Ok(ExitCode::SUCCESS)
}

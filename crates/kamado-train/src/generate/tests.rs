//! Decoding with memories against the whole model.

use kamado_nn::layers::{
    Activation, Dense, Embedding, GlobalAveragePooling1d, Gru, LayerNormalization, Lstm, MultiHeadAttention,
    PositionEmbedding, RepeatVector, SimpleRnn, SinePositionEncoding, TiedDense, TransformerDecoder,
    TransformerEncoder,
};
use kamado_nn::model::{FunctionalBuilder, Seed, Sequential};

use super::*;

const LENGTH: usize = 9;
const VOCABULARY: usize = 7;

fn embedded() -> Sequential {
    let wide = kamado_nn::init::Initializer::RandomUniform { minval: -1.0, maxval: 1.0 };
    Sequential::with_tokens([LENGTH]).add(Embedding::new(VOCABULARY, 8).embeddings_initializer(wide))
}

fn built(model: Sequential) -> Model {
    model.build(Seed(3)).unwrap()
}

/// Learned positions, blocks that normalise first, and a projection with the embedding's weights.
fn gpt() -> Model {
    let block = || TransformerEncoder::new(16, 2).causal(true).norm_first(true).dropout(0.1);
    let body = embedded().add(PositionEmbedding::new(LENGTH + 2)).add(block()).add(block());
    built(body.add(LayerNormalization::new()).add(TiedDense::new("embedding")))
}

fn rotary() -> Model {
    let block = TransformerDecoder::new(16, 2).rotary(true).activation(Activation::Gelu);
    built(embedded().add(block).add(Dense::new(VOCABULARY).activation(Activation::Softmax)))
}

/// Attention and sines on their own, with values of another width.
fn sines() -> Model {
    let attention = MultiHeadAttention::new(2, 3).value_dim(5).use_causal_mask(true);
    built(embedded().add(SinePositionEncoding::new()).add(attention).add(Dense::new(VOCABULARY)))
}

/// A recurrent layer within a model that is a layer.
fn recurrent(layer: impl Into<kamado_nn::layers::LayerConfig>) -> Model {
    let inner = Sequential::new([LENGTH, 8]).add(layer).spec();
    built(embedded().add(inner).add(Dense::new(VOCABULARY)))
}

fn models() -> Vec<(&'static str, Model)> {
    vec![
        ("gpt", gpt()),
        ("rotary", rotary()),
        ("sines", sines()),
        ("lstm", recurrent(Lstm::new(6).return_sequences(true))),
        ("gru", recurrent(Gru::new(6).return_sequences(true))),
        ("simple_rnn", recurrent(SimpleRnn::new(6).return_sequences(true))),
    ]
}

fn both(model: &Model) -> (Cached, Window) {
    let (language, runtime) = (LanguageModel::of(model).unwrap(), Runtime::new(Some(1)).unwrap());
    let cached = Cached::new(&runtime, model, language.clone()).unwrap();
    (cached.expect("the model can be cached"), Window::new(&runtime, model, language).unwrap())
}

fn assert_same(a: &dyn Decoder, b: &dyn Decoder, beams: usize, place: &str) {
    for beam in 0..beams {
        for (x, y) in a.log_probabilities(beam).iter().zip(b.log_probabilities(beam)) {
            assert!((x - y).abs() < 1e-5, "{place}, beam {beam}: {x} and {y}");
        }
    }
}

#[test]
fn memories_give_what_the_whole_model_gives_at_every_place() {
    for (name, model) in models() {
        let (mut cached, mut window) = both(&model);
        cached.start(&[2]).unwrap();
        window.start(&[2]).unwrap();
        assert_same(&cached, &window, 1, name);
        for place in 1..LENGTH {
            let token = [(place * 5 % VOCABULARY) as i32];
            cached.advance(&[0], &token).unwrap();
            window.advance(&[0], &token).unwrap();
            assert_same(&cached, &window, 1, &format!("{name} at {place}"));
        }
    }
}

#[test]
fn memories_follow_their_beams() {
    for (name, model) in models() {
        let (mut cached, mut window) = both(&model);
        // Nothing of an earlier prompt may be left.
        cached.start(&[1, 2, 3, 4, 5]).unwrap();
        cached.start(&[3, 1]).unwrap();
        window.start(&[3, 1]).unwrap();
        let steps: [(&[usize], &[i32]); 4] =
            [(&[0, 0, 0], &[1, 2, 3]), (&[2, 0, 2], &[4, 5, 6]), (&[1, 2], &[0, 1]), (&[0, 1], &[1, 1])];
        for (parents, tokens) in steps {
            cached.advance(parents, tokens).unwrap();
            window.advance(parents, tokens).unwrap();
            assert_same(&cached, &window, parents.len(), name);
        }
    }
}

#[test]
fn every_choice_of_tokens_is_the_same() {
    let choices = [
        Decoding::Greedy,
        Decoding::Sample(Sampling { temperature: 0.9, top_k: Some(5), seed: 4, ..Sampling::default() }),
        Decoding::Beam { width: 3, length_penalty: 0.5 },
    ];
    for (name, model) in models() {
        let language = LanguageModel::of(&model).unwrap();
        let (cached, window) = both(&model);
        let means = [Means::Cached(cached), Means::Window(window)];
        let [a, b] = means.map(|means| {
            let mut generator = Generator { language: language.clone(), means, tokenizer: None };
            choices.map(|decoding| {
                let generation = Generation { decoding, max_new_tokens: LENGTH - 3, stop: vec![] };
                generator.generate(&[1, 0, 3, 5], &generation, |_| true).unwrap()
            })
        });
        assert_eq!(a, b, "{name}");
        assert!(a.iter().all(|tokens| tokens.len() == LENGTH - 3));
    }
}

#[test]
fn a_sequence_that_outgrows_the_model_goes_on_from_its_last_half() {
    let (mut cached, mut window) = both(&gpt());
    let prompt: Vec<i32> = (0..12).map(|i| i * 3 % 7).collect();
    cached.start(&prompt).unwrap();
    window.start(&prompt).unwrap();
    assert_same(&cached, &window, 1, "a prompt that is too long");
    cached.advance(&[0], &[6]).unwrap();
    window.start(&[prompt[9], prompt[10], prompt[11], 6]).unwrap();
    assert_same(&cached, &window, 1, "the first token too many");
    cached.advance(&[0], &[2]).unwrap();
    window.advance(&[0], &[2]).unwrap();
    assert_same(&cached, &window, 1, "the token after it");
}

#[test]
fn a_state_has_no_length() {
    let model = recurrent(Lstm::new(6).return_sequences(true));
    let (mut cached, _) = both(&model);
    for len in [1, 3 * LENGTH] {
        let prompt: Vec<i32> = (0..len as i32).map(|i| i % 7).collect();
        cached.start(&prompt).unwrap();
        assert_eq!(cached.log_probabilities(0).len(), VOCABULARY);
    }
}

#[test]
fn a_model_that_mixes_time_steps_runs_whole() {
    let mut b = FunctionalBuilder::new();
    let tokens = b.input_i32("tokens", [LENGTH]);
    let x = b.layer(Embedding::new(VOCABULARY, 8), &[tokens]);
    let mean = b.layer(GlobalAveragePooling1d::new(), &[x]);
    let mean = b.layer(RepeatVector::new(LENGTH), &[mean]);
    let y = b.layer(kamado_nn::layers::Add, &[x, mean]);
    let y = b.layer(Dense::new(VOCABULARY), &[y]);
    let pooled = b.build(&[y], Seed(1)).unwrap();
    let seeing = built(embedded().add(TransformerEncoder::new(16, 2)).add(Dense::new(VOCABULARY)));
    let backwards = recurrent(Lstm::new(6).return_sequences(true).go_backwards(true));
    for (model, culprit) in [(pooled, "pooling"), (seeing, "transformer_encoder"), (backwards, "lstm")] {
        let error = model.spec.decoding_graph().unwrap_err().to_string();
        assert!(error.contains("one new token at a time") && error.contains(culprit), "{error}");
        let language = LanguageModel::of(&model).unwrap();
        assert!(matches!(Means::of(&model, &language, Some(1)).unwrap(), Means::Window(_)), "{error}");
    }
}

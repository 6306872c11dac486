//! Parts of words against the Python package `tokenizers` (`fixtures/subwords.py`).

use kamado_data::text::{Normalise, PADDING, TextConfig, TextInput, Tokenizer, TokenizerKind, UNKNOWN};
use kamado_graph::rng::Rng;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/subwords.json")).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn numbers(value: &Value) -> Vec<i32> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap() as i32).collect()
}

const KINDS: [(TokenizerKind, &str); 3] =
    [(TokenizerKind::Bpe, "bpe"), (TokenizerKind::WordPiece, "word_piece"), (TokenizerKind::Unigram, "unigram")];

fn trained(tokenizer: TokenizerKind, size: usize) -> TextInput {
    let config = TextConfig { tokenizer, vocabulary_size: size, max_length: Some(200), ..TextConfig::default() };
    TextInput::fit(&config, &texts(&fixture()["training"])).unwrap()
}

#[test]
fn loaded_files_cut_texts_as_python_does() {
    let (fixture, directory) = (fixture(), tempfile::tempdir().unwrap());
    for case in fixture["cases"].as_array().unwrap() {
        let path = directory.path().join("tokenizer.json");
        std::fs::write(&path, case["file"].to_string()).unwrap();
        let config = TextConfig { tokenizer_file: Some(path), normalise: Normalise::nothing(), ..Default::default() };
        let input = TextInput::fit(&config, &texts(&fixture["training"])).unwrap();
        let vocabulary = case["file"]["model"]["vocab"].as_object().map(|known| known.len());
        let vocabulary = vocabulary.or(case["file"]["model"]["vocab"].as_array().map(Vec::len)).unwrap();
        assert_eq!(input.vocabulary_size(), vocabulary + 2);
        for (i, text) in texts(&fixture["texts"]).iter().enumerate() {
            let ids = numbers(&case["ids"][i]);
            let unknown = case["unknown"].as_i64().map(|id| id as i32);
            let expected: Vec<i32> = ids.iter().map(|&id| if Some(id) == unknown { UNKNOWN } else { id + 2 }).collect();
            assert_eq!(input.tokens(text).unwrap(), expected, "{} of {text:?}", case["name"]);
            assert_eq!(input.tokenizer().decode(&ids), case["decoded"][i].as_str().unwrap());
            let names = input.tokenizer().names();
            // An unknown token of a text shows the text it stands for.
            for (&id, token) in ids.iter().zip(texts(&case["tokens"][i])).filter(|(id, _)| Some(**id) != unknown) {
                assert_eq!(names[id as usize], token);
            }
        }
    }
}

#[test]
fn byte_pairs_are_learnt_as_python_learns_them() {
    let fixture = fixture();
    let config = TextConfig {
        tokenizer: TokenizerKind::Bpe,
        vocabulary_size: 320,
        normalise: Normalise::nothing(),
        ..TextConfig::default()
    };
    let input = TextInput::fit(&config, &texts(&fixture["training"])).unwrap();
    let Tokenizer::Subwords { file } = input.tokenizer() else { panic!("byte pairs are parts of words") };
    assert_eq!(file["model"]["merges"], fixture["cases"][0]["file"]["model"]["merges"]);
}

#[test]
fn training_has_one_result_and_reads_back_the_same() {
    let fixture = fixture();
    for (kind, name) in KINDS {
        let input = trained(kind, 320);
        for _ in 0..5 {
            assert_eq!(trained(kind, 320), input, "{name}");
        }
        let again: TextInput = serde_json::from_str(&serde_json::to_string(&input).unwrap()).unwrap();
        assert_eq!(again, input);
        for text in texts(&fixture["training"]).iter().chain(&texts(&fixture["texts"])) {
            let tokens = input.tokens(text).unwrap();
            assert_eq!(again.tokens(text).unwrap(), tokens);
            assert!(tokens.iter().all(|&token| token > PADDING && (token as usize) < input.vocabulary_size()));
        }
        // Seen texts have nothing unknown, come back, and have no more tokens than characters.
        for text in texts(&fixture["training"]) {
            let tokens = input.tokens(&text).unwrap();
            assert!(!tokens.contains(&UNKNOWN) && tokens.len() <= text.chars().count(), "{name}: {text:?} {tokens:?}");
            let plain: Vec<i32> = tokens.iter().map(|token| token - 2).collect();
            let back = input.tokenizer().decode(&plain);
            let without_spaces = |text: &str| text.replace(' ', "");
            let seen = Normalise::default().apply(&text);
            assert_eq!(without_spaces(&back), without_spaces(&seen), "{name}");
        }
    }
    assert!(!trained(TokenizerKind::Bpe, 300).tokens("zebra 斑马 é").unwrap().contains(&UNKNOWN));
    assert!(trained(TokenizerKind::WordPiece, 300).tokens("斑").unwrap() == [UNKNOWN]);
    assert!(trained(TokenizerKind::Unigram, 300).tokens("斑").unwrap().contains(&UNKNOWN));
}

#[test]
fn unsound_files_and_sizes_are_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokenizer.json");
    let refusal = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Tokenizer::read(&path).unwrap_err().to_string()
    };
    assert!(refusal("").contains("a file in JSON"));
    assert!(refusal("[]").contains("a tokenizer.json as Hugging Face writes it"));
    assert!(refusal("{}").contains("a tokenizer.json as Hugging Face writes it"));
    let huge = r#"{"version":"1.0","model":{"type":"WordLevel","vocab":{"a":4000000000},"unk_token":"a"}}"#;
    assert!(refusal(huge).contains("number 4000000000"));
    assert!(Tokenizer::read(&directory.path().join("none")).unwrap_err().to_string().contains("nothing is there"));
    let small = |tokenizer, vocabulary_size| {
        let config = TextConfig { tokenizer, vocabulary_size, ..TextConfig::default() };
        TextInput::fit(&config, &texts(&fixture()["training"])).unwrap_err().to_string()
    };
    assert!(small(TokenizerKind::Bpe, 10).contains("vocabulary_size = 10"));
    assert!(small(TokenizerKind::Unigram, 10).contains("need a place of their own"));
}

#[test]
fn files_changed_at_random_are_a_tokenizer_or_an_error() {
    let mut rng = Rng::new(6, 0);
    for case in fixture()["cases"].as_array().unwrap() {
        let text = case["file"].to_string();
        for _ in 0..60 {
            let mut bytes = text.clone().into_bytes();
            for _ in 0..=rng.below(2) {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = b"0123456789\"{}[],:aA -"[rng.below(20) as usize];
            }
            let Ok(file) = serde_json::from_slice(&bytes) else { continue };
            let tokenizer = Tokenizer::Subwords { file };
            let (known, encoded) = (tokenizer.len(), tokenizer.encode("the cat"));
            assert!(encoded.is_err() || encoded.unwrap().iter().all(|&token| token >= 0 && (token as usize) < known));
        }
    }
}

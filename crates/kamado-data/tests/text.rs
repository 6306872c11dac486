//! Texts against Python's standard library (`fixtures/text.py`), and the numbers that a network is given.

use kamado_data::text::{
    Normalise, PADDING, Side, TextAugment, TextConfig, TextInput, Tokenizer, TokenizerKind, UNKNOWN, words,
};
use kamado_graph::rng::Rng;
use serde_json::Value;

fn fixture() -> Vec<Value> {
    serde_json::from_str(include_str!("../fixtures/text.json")).unwrap()
}

#[test]
fn spelling_is_made_uniform_as_python_does() {
    let nothing = Normalise::nothing;
    let rules = [
        ("html", Normalise { html: true, ..nothing() }),
        ("urls", Normalise { urls: true, ..nothing() }),
        ("nfkc", Normalise { nfkc: true, ..nothing() }),
        ("lower_case", Normalise { lower_case: true, ..nothing() }),
        ("whitespace", Normalise { whitespace: true, ..nothing() }),
        ("all", Normalise { html: true, urls: true, ..Normalise::default() }),
    ];
    for case in fixture() {
        let text = case["text"].as_str().unwrap();
        for (key, rule) in &rules {
            assert_eq!(rule.apply(text), case[*key].as_str().unwrap(), "{key} of {text:?}");
        }
        let expected: Vec<&str> = case["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words(text).collect::<Vec<_>>(), expected);
        assert_eq!(nothing().apply(text), text);
    }
}

#[test]
fn pages_that_never_end_are_text() {
    let html = Normalise { html: true, ..Normalise::nothing() };
    for text in ["<", "<a", "a < b", "<!-- x", "</", "<<<", "<é>", "&", "&nosuch;", "&#xffffffff;"] {
        assert_eq!(html.apply(text), text);
    }
    assert_eq!(html.apply("<script>x"), " x");
    // Work that grows with the square of the length would not end.
    for piece in ["<", "<!--", "<script>", "<a ", "</script", "< >"] {
        html.apply(&piece.repeat(300_000));
    }
}

const TEXTS: [&str; 4] = ["the cat sat", "The cat ran away", "a dog", "人工智能"];

fn fitted(config: &TextConfig) -> TextInput {
    TextInput::fit(config, &TEXTS).unwrap()
}

fn encode(input: &TextInput, text: &str, length: usize) -> Vec<i32> {
    let mut out = vec![-1; length];
    input.encode(text, None, &mut out).unwrap();
    out
}

#[test]
fn words_become_numbers_by_frequency() {
    let input = fitted(&TextConfig::default());
    let names = ["cat", "the", "a", "away", "dog", "ran", "sat", "人", "工", "智", "能"];
    assert_eq!(input.tokenizer().names(), names);
    assert_eq!((input.vocabulary_size(), input.max_length()), (names.len() + 2, 4));
    assert_eq!(encode(&input, "THE dog flew", 4), [3, 6, UNKNOWN, PADDING]);
    assert_eq!(encode(&input, "a cat the dog ran", 4), [4, 2, 3, 6]);
    assert_eq!(input.tokens("工人").unwrap(), [10, 9]);
    let start = TextConfig { pad: Side::Start, truncate: Side::Start, ..TextConfig::default() };
    assert_eq!(encode(&fitted(&start), "the dog", 4), [PADDING, PADDING, 3, 6]);
    assert_eq!(encode(&fitted(&start), "a cat the dog ran", 4), [2, 3, 6, 7]);
    let few = TextConfig { vocabulary_size: 2, max_length: Some(7), ..TextConfig::default() };
    let few = fitted(&few);
    assert_eq!((few.vocabulary_size(), few.max_length()), (4, 7));
    assert_eq!(encode(&few, "the dog", 3), [3, UNKNOWN, PADDING]);
}

#[test]
fn characters_and_bytes_become_numbers() {
    let characters = fitted(&TextConfig { tokenizer: TokenizerKind::Characters, ..TextConfig::default() });
    assert_eq!(characters.tokenizer().names()[0], "a");
    assert_eq!(characters.tokens("aZ?").unwrap(), [2, UNKNOWN, UNKNOWN]);
    let bytes = fitted(&TextConfig { tokenizer: TokenizerKind::Bytes, ..TextConfig::default() });
    assert_eq!(bytes.vocabulary_size(), 258);
    assert_eq!(bytes.tokens("Aé").unwrap(), [0x61 + 2, 0xC3 + 2, 0xA9 + 2]);
    let tokens = Tokenizer::Bytes.encode("Aé").unwrap();
    assert_eq!(Tokenizer::Bytes.decode(&tokens), "Aé");
    let words = Tokenizer::frequent_words(&TEXTS, 100);
    assert_eq!(words.decode(&words.encode("the  cat").unwrap()), "the cat");
    assert!(words.encode("the bird").unwrap_err().to_string().contains("\"bird\", token 1"));
}

#[test]
fn an_input_reads_back_the_same() {
    for tokenizer in [TokenizerKind::Characters, TokenizerKind::Bytes, TokenizerKind::Words] {
        let input = fitted(&TextConfig { tokenizer, ..TextConfig::default() });
        let text = serde_json::to_string(&input).unwrap();
        let again: TextInput = serde_json::from_str(&text).unwrap();
        assert_eq!(again, input);
        assert_eq!(encode(&again, "The 人 cat!", 20), encode(&input, "The 人 cat!", 20));
        assert!(serde_json::from_str::<TextInput>(&text.replace("max_length", "length")).is_err());
    }
    // As the first models with text were written.
    let old: Tokenizer = serde_json::from_str(r#"{"type":"characters","vocabulary":"abc"}"#).unwrap();
    assert_eq!(old.encode("cab").unwrap(), [2, 0, 1]);
}

#[test]
fn changes_in_training_follow_the_stream() {
    let text = (0..1000).map(|i| format!("w{i}")).collect::<Vec<_>>().join(" ");
    let with = |augment: TextAugment| {
        let config = TextConfig { augment, max_length: Some(1000), ..TextConfig::default() };
        let input = TextInput::fit(&config, &[&text]).unwrap();
        let draw = |stream: u64| {
            let mut out = vec![0; 1000];
            let len = input.encode(&text, Some(&mut Rng::new(9, stream)), &mut out).unwrap();
            out[..len].to_vec()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        (input.tokens(&text).unwrap(), draw(1))
    };
    let default = TextAugment::default;
    let (plain, dropped) = with(TextAugment { drop: 0.2, ..default() });
    assert!((750..850).contains(&dropped.len()));
    let mut rest = plain.iter();
    assert!(dropped.iter().all(|token| rest.any(|other| other == token)), "the order stays");
    let (plain, masked) = with(TextAugment { mask: 0.2, ..default() });
    let changed = plain.iter().zip(&masked).filter(|(a, b)| a != b).count();
    assert!((150..250).contains(&changed) && masked.iter().filter(|&&token| token == UNKNOWN).count() == changed);
    let (mut plain, mut swapped) = with(TextAugment { swap: 0.2, ..default() });
    assert!(plain.iter().zip(&swapped).filter(|(a, b)| a != b).count() > 200);
    plain.sort_unstable();
    swapped.sort_unstable();
    assert_eq!(plain, swapped);
    let input =
        TextInput::fit(&TextConfig { augment: TextAugment { drop: 0.9, ..default() }, ..Default::default() }, &TEXTS);
    let mut out = [0; 4];
    assert!((0..50).all(|stream| input.as_ref().unwrap().encode("cat", Some(&mut Rng::new(0, stream)), &mut out).unwrap() == 1));
}

#[test]
fn wrong_settings_and_empty_texts_are_named() {
    let wrong = |config: TextConfig, texts: &[&str]| TextInput::fit(&config, texts).unwrap_err().to_string();
    let default = TextConfig::default;
    assert!(wrong(default(), &[]).contains("0 training texts"));
    assert!(wrong(default(), &["", "  "]).contains("nothing to read in the 2 training texts"));
    assert!(wrong(TextConfig { max_length: Some(0), ..default() }, &TEXTS).contains("max_length"));
    let augment = TextAugment { swap: 1.5, ..TextAugment::default() };
    assert!(wrong(TextConfig { augment, ..default() }, &TEXTS).contains("text.augment.swap = 1.5"));
}

//! Parts of words, by the crate `tokenizers` of Hugging Face.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainerBuilder};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Tokenizer, Trainer,
};

use crate::error::{DataError, Result};

/// The greatest file that is read: the largest vocabularies in use are a quarter of it.
const MOST_BYTES: u64 = 64 << 20;
/// The greatest number of tokens.
const MOST_TOKENS: u64 = 1 << 22;

/// Ready to cut texts.
#[derive(Debug)]
pub(super) struct Subwords {
    tokenizer: Tokenizer,
    unknown: Option<u32>,
}

impl Subwords {
    /// From the content of a file `tokenizer.json`; `place` names it in errors.
    pub(super) fn new(file: &Value, place: &str) -> Result<Self> {
        let mut file = file.clone();
        if let Some(file) = file.as_object_mut() {
            // An input pads and cuts by itself.
            file.insert("padding".into(), Value::Null);
            file.insert("truncation".into(), Value::Null);
        }
        let malformed = |found: String| {
            let expected = "a tokenizer.json as Hugging Face writes it";
            DataError::malformed(place, expected, found, "Save the tokenizer again, or train one")
        };
        if let Some((name, id)) = ids(&file).find(|&(_, id)| id >= MOST_TOKENS) {
            return Err(malformed(format!("the token {name:?} with the number {id}")));
        }
        let tokenizer = Tokenizer::from_bytes(file.to_string()).map_err(|error| malformed(error.to_string()))?;
        let model = &file["model"];
        let by_name = || model["unk_token"].as_str().and_then(|name| tokenizer.token_to_id(name));
        let unknown = model["unk_id"].as_u64().and_then(|id| u32::try_from(id).ok()).or_else(by_name);
        Ok(Subwords { tokenizer, unknown })
    }

    /// Gives each token of `text` in order: what it stands for, and its number if it is known.
    pub(super) fn each(&self, text: &str, give: &mut dyn FnMut(&str, Option<i32>)) -> Result<()> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|error| {
            let problem = format!("the tokenizer of the model cannot read a text: {error}");
            DataError::request(problem, "Use another tokenizer")
        })?;
        for (&id, name) in encoding.get_ids().iter().zip(encoding.get_tokens()) {
            give(name, i32::try_from(id).ok().filter(|_| Some(id) != self.unknown));
        }
        Ok(())
    }

    /// The text of these tokens; those that do not exist are left out.
    pub(super) fn decode(&self, tokens: &[i32]) -> String {
        let ids: Vec<u32> = tokens.iter().filter_map(|&token| u32::try_from(token).ok()).collect();
        self.tokenizer.decode(&ids, false).unwrap_or_else(|_| char::REPLACEMENT_CHARACTER.to_string())
    }
}

/// The tokens of a file and their numbers.
fn ids(file: &Value) -> impl Iterator<Item = (&str, u64)> {
    let vocabulary = &file["model"]["vocab"];
    let named = vocabulary.as_object().into_iter().flatten().filter_map(|(name, id)| Some((&**name, id.as_u64()?)));
    let listed = vocabulary.as_array().into_iter().flatten().zip(0..).map(|(pair, id)| (pair[0].as_str(), id));
    let listed = listed.map(|(name, id)| (name.unwrap_or(""), id));
    let added = file["added_tokens"].as_array().into_iter().flatten();
    let added = added.filter_map(|token| Some((token["content"].as_str()?, token["id"].as_u64()?)));
    named.chain(listed).chain(added)
}

/// What each token of a file stands for, in order of the numbers; a number without a token stands for nothing.
pub(super) fn names(file: &Value) -> Vec<String> {
    let known: BTreeMap<u64, &str> =
        ids(file).filter(|&(_, id)| id < MOST_TOKENS).map(|(name, id)| (id, name)).collect();
    let len = known.last_key_value().map_or(0, |(id, _)| id + 1);
    (0..len).map(|id| known.get(&id).copied().unwrap_or("").to_owned()).collect()
}

/// How many tokens a file has: all numbers are below.
pub(super) fn len(file: &Value) -> usize {
    ids(file).map(|(_, id)| id + 1).filter(|&len| len <= MOST_TOKENS).max().unwrap_or(0) as usize
}

/// The content of the file `tokenizer.json` at `path`.
pub(super) fn read(path: &Path) -> Result<Value> {
    let io = |action| move |error| DataError::io(path, action, error);
    let bytes = std::fs::metadata(path).map_err(io("look at it"))?.len();
    let place = path.display().to_string();
    if bytes > MOST_BYTES {
        let found = format!("{bytes}");
        return Err(DataError::malformed(place, format!("at most {MOST_BYTES} bytes"), found, "Give a tokenizer.json"));
    }
    let text = std::fs::read(path).map_err(io("read it"))?;
    let file: Value = serde_json::from_slice(&text).map_err(|error| {
        DataError::malformed(&place, "a file in JSON", error.to_string(), "Give a tokenizer.json of Hugging Face")
    })?;
    Subwords::new(&file, &place).map(|_| file)
}

/// Learns byte pairs: the most frequent pair of neighbours becomes one token, until there are `size`. It starts from
/// bytes, so that nothing is unknown.
///
/// Source: R. Sennrich, B. Haddow, A. Birch, "Neural machine translation of rare words with subword units", 2016; the
/// bytes of A. Radford and others, "Language models are unsupervised multitask learners", 2019.
pub(super) fn train_bpe(texts: &[String], size: usize) -> Result<Value> {
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    train(tokenizer, |tokenizer| {
        let alphabet = ByteLevel::alphabet().into_iter().collect();
        let mut trainer =
            BpeTrainerBuilder::new().show_progress(false).vocab_size(size).initial_alphabet(alphabet).build();
        trainer.feed(texts.iter(), |text| split(tokenizer, text))?;
        let mut model = BPE::default();
        trainer.train(&mut model)?;
        Ok(model.into())
    })
}

/// Learns pieces of words: byte pairs of characters within words; what follows within a word begins with `##`.
///
/// Source: M. Schuster, K. Nakajima, "Japanese and Korean voice search", 2012; the splitting of BERT.
pub(super) fn train_word_piece(texts: &[String], size: usize) -> Result<Value> {
    let mut tokenizer = Tokenizer::new(WordPiece::default());
    tokenizer.with_normalizer(Some(BertNormalizer::new(false, true, Some(false), false)));
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.with_decoder(Some(WordPieceDecoder::default()));
    train(tokenizer, |tokenizer| {
        // The trainer numbers the inner characters as a hash table has them; given beforehand, they have an order.
        let mut inner = BTreeSet::new();
        for text in texts {
            split(tokenizer, text)?.iter().for_each(|word| inner.extend(word.chars().skip(1)));
        }
        let given = std::iter::once("[UNK]".to_owned()).chain(inner.iter().map(|c| format!("##{c}")));
        let given = given.map(|name| AddedToken::from(name, true)).collect();
        let mut trainer =
            WordPieceTrainerBuilder::new().show_progress(false).vocab_size(size).special_tokens(given).build();
        trainer.feed(texts.iter(), |text| split(tokenizer, text))?;
        let mut model = WordPiece::default();
        trainer.train(&mut model)?;
        Ok(model.into())
    })
}

/// Learns the `size` pieces that make the texts most probable if each piece is drawn by itself.
///
/// Source: T. Kudo, "Subword regularization: Improving neural network translation models with multiple subword
/// candidates", 2018; white space as in SentencePiece.
pub(super) fn train_unigram(texts: &[String], size: usize) -> Result<Value> {
    let space = || Metaspace::new('▁', PrependScheme::Always, true);
    let mut tokenizer = Tokenizer::new(Unigram::default());
    tokenizer.with_pre_tokenizer(Some(space()));
    tokenizer.with_decoder(Some(space()));
    train(tokenizer, |tokenizer| {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for text in texts {
            split(tokenizer, text)?.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        }
        let characters: BTreeSet<char> = counts.keys().flat_map(|word| word.chars()).collect();
        if size < characters.len() + 2 {
            return Err(format!("{} characters need a place of their own among {size} tokens", characters.len()).into());
        }
        let trainer = UnigramTrainer::builder()
            .show_progress(false)
            .vocab_size(size as u32)
            .unk_token(Some("<unk>".to_owned()))
            .special_tokens(vec![AddedToken::from("<unk>", true)])
            .build()?;
        let mut model = Unigram::default();
        trainer.do_train(counts.into_iter().collect(), &mut model)?;
        let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
        order_characters(&mut pieces);
        Ok(Unigram::from(pieces, Some(0), false)?.into())
    })
}

/// The trainer takes characters in the order of a hash table: equally probable pieces follow it, and those that were not
/// learnt are added at the end, each a little more probable than the one before. This orders them by code point.
fn order_characters(pieces: &mut [(String, f64)]) {
    let single = |piece: &(String, f64)| piece.0.chars().nth(1).is_none();
    let least = pieces.iter().skip(1).filter(|piece| !single(piece)).map(|piece| piece.1).fold(f64::INFINITY, f64::min);
    let rare = |piece: &(String, f64)| single(piece) && piece.1 <= least + 1e-4 * pieces.len() as f64;
    let places: Vec<usize> = (1..pieces.len()).filter(|&i| rare(&pieces[i])).collect();
    let mut characters: Vec<String> = places.iter().map(|&i| pieces[i].0.clone()).collect();
    characters.sort_unstable();
    places.into_iter().zip(characters).for_each(|(place, character)| pieces[place].0 = character);
    if let Some(learnt) = pieces.get_mut(1..) {
        learnt.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    }
}

/// The content of the file of `tokenizer` with the model that `learn` gives.
fn train(
    mut tokenizer: Tokenizer,
    learn: impl FnOnce(&Tokenizer) -> tokenizers::Result<tokenizers::ModelWrapper>,
) -> Result<Value> {
    // Sums over threads would depend on their number.
    tokenizers::parallelism::set_parallelism(false);
    let learnt = learn(&tokenizer).and_then(|model| {
        tokenizer.with_model(model);
        Ok(serde_json::from_str(&tokenizer.to_string(false)?)?)
    });
    learnt.map_err(|error| {
        let problem = format!("cannot train a tokenizer on these texts: {error}");
        DataError::request(problem, "Choose another text.vocabulary_size or text.tokenizer")
    })
}

/// The words of `text`, within which parts are learnt.
fn split(tokenizer: &Tokenizer, text: &str) -> tokenizers::Result<Vec<String>> {
    let mut text = NormalizedString::from(text);
    if let Some(normalizer) = tokenizer.get_normalizer() {
        normalizer.normalize(&mut text)?;
    }
    let mut text = PreTokenizedString::from(text);
    if let Some(cutter) = tokenizer.get_pre_tokenizer() {
        cutter.pre_tokenize(&mut text)?;
    }
    let words = text.get_splits(OffsetReferential::Original, OffsetType::None);
    Ok(words.into_iter().map(|(word, ..)| word.to_owned()).collect())
}

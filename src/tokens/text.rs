//! The text tower's tokenizer, rebuilt from the GGUF metadata: byte-level BPE, digits one by one (`pre = smollm`).

use crate::error::{Error, Result};
use crate::weights::gguf::{Header, Value};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence};
use tokenizers::{AddedToken, Tokenizer};

/// Text to token ids and back.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    vocabulary: usize,
    end: u32,
}

/// The type that GGUF gives control tokens such as `<|im_end|>`.
const CONTROL: i64 = 3;

impl TextTokenizer {
    /// Builds the tokenizer described in `header`.
    ///
    /// # Errors
    /// [`Error::Format`] if the metadata is missing or describes another kind of tokenizer.
    pub fn from_gguf(header: &Header) -> Result<Self> {
        let kind = (header.text("tokenizer.ggml.model")?, header.text("tokenizer.ggml.pre")?);
        if kind != ("gpt2", "smollm") {
            return Err(Error::format("tokenizer", format!("expected gpt2 with smollm splitting, found {kind:?}")));
        }
        let bad = |what: &str| Error::format("tokenizer", format!("malformed {what}"));
        let texts = |key: &str| -> Result<Vec<String>> {
            let text = |v: &Value| if let Value::Text(s) = v { Ok(s.clone()) } else { Err(bad(key)) };
            header.list(key)?.iter().map(text).collect()
        };
        let tokens = texts("tokenizer.ggml.tokens")?;
        let merges = texts("tokenizer.ggml.merges")?
            .iter()
            .map(|m| m.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or_else(|| bad("merge")))
            .collect::<Result<Vec<_>>>()?;
        let special: Vec<AddedToken> = header
            .list("tokenizer.ggml.token_type")?
            .iter()
            .zip(&tokens)
            .filter(|(kind, _)| **kind == Value::Integer(CONTROL))
            .map(|(_, token)| AddedToken::from(token.as_str(), true))
            .collect();
        let vocabulary = tokens.len();
        let vocab: Vocab = tokens.into_iter().zip(0u32..).collect();
        let fail = |e: tokenizers::Error| Error::format("tokenizer", e.to_string());
        let bpe = BPE::builder().vocab_and_merges(vocab, merges).build().map_err(fail)?;
        let mut tokenizer = Tokenizer::new(bpe);
        let splits = vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
        tokenizer.with_pre_tokenizer(Some(Sequence::new(splits)));
        tokenizer.with_decoder(Some(ByteLevel::default()));
        tokenizer.add_special_tokens(&special);
        let end = header.integer("tokenizer.ggml.eos_token_id")? as u32;
        Ok(Self { tokenizer, vocabulary, end })
    }

    /// Number of tokens.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The token that ends a turn.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The ids of `text`. Control tokens written out (`<|im_start|>`) are recognized.
    ///
    /// # Errors
    /// [`Error::Format`] if the tokenizer itself is damaged.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.tokenizer.encode_fast(text, false);
        Ok(encoding.map_err(|e| Error::format("tokenizer", e.to_string()))?.get_ids().to_vec())
    }

    /// The text of `ids`, control tokens left out. Bytes that are no whole character become U+FFFD.
    ///
    /// # Errors
    /// [`Error::Format`] if the tokenizer itself is damaged.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids, true).map_err(|e| Error::format("tokenizer", e.to_string()))
    }

    /// `prompt` as the user's turn of a conversation, ready for the assistant's (the model's own chat template, with
    /// its default system prompt).
    #[must_use]
    pub fn chat(prompt: &str) -> String {
        format!(
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n\
             <|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"
        )
    }
}

/// Text that grows token by token: hands out whole characters only.
#[derive(Default)]
pub struct TextStream {
    ids: Vec<u32>,
    shown: usize,
}

/// A character takes at most four bytes, so after this many tokens a U+FFFD at the end is the text's own.
const LONGEST_WAIT: usize = 4;

impl TextStream {
    /// Adds `id` and returns the text that became certain (empty in the middle of a character).
    ///
    /// # Errors
    /// As [`TextTokenizer::decode`].
    pub fn push(&mut self, tokenizer: &TextTokenizer, id: u32) -> Result<String> {
        self.ids.push(id);
        let text = tokenizer.decode(&self.ids)?;
        let open =
            text.ends_with('\u{FFFD}') && text.chars().rev().take_while(|c| *c == '\u{FFFD}').count() <= LONGEST_WAIT;
        if open || text.len() < self.shown {
            return Ok(String::new());
        }
        let new = text.get(self.shown..).unwrap_or_default().to_owned();
        self.shown = text.len();
        Ok(new)
    }

    /// All text so far, open characters included.
    ///
    /// # Errors
    /// As [`TextTokenizer::decode`].
    pub fn text(&self, tokenizer: &TextTokenizer) -> Result<String> {
        tokenizer.decode(&self.ids)
    }
}

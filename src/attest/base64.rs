//! Bytes as JSON documents of signatures have them: in base64, of either alphabet and with or without padding.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as WRITTEN};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const fn lenient(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    WRITTEN.encode(bytes)
}

/// `None` for what is not base64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let read = |alphabet| lenient(alphabet).decode(text).ok();
    read(&STANDARD).or_else(|| read(&URL_SAFE))
}

pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    encode(bytes).serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    decode(&text).ok_or_else(|| serde::de::Error::custom("what should be base64 is not"))
}

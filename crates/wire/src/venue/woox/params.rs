//! The parameters of a request, form or JSON, behind one face.

use super::{Json, Object, Refusal, RefusalCode};
use crate::venue::binance::params::{encode_into, is_plain};

pub use crate::venue::binance::params::ParamText;

/// The parameters of one request, without those in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Params {
    /// Query or form body.
    Form(ParamText),
    /// JSON body.
    Json(Object),
}

impl Params {
    /// The single value of that name, as form text.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self {
            Self::Form(params) => params.get(name),
            Self::Json(object) => object.get(name).and_then(Json::scalar),
        }
    }

    /// Whether the name is there, with a single value or not.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Form(params) => params.has(name),
            Self::Json(object) => object.get(name).is_some(),
        }
    }

    /// Names in order, each with its value where that is a single one.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (&str, Option<&str>)> + '_> {
        match self {
            Self::Form(params) => Box::new(params.iter().map(|(name, value)| (name, Some(value)))),
            Self::Json(object) => {
                Box::new(object.iter().map(|(name, value)| (name, value.scalar())))
            }
        }
    }

    /// The structured value of that name.
    pub fn structure(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Form(_) => None,
            Self::Json(object) => object.get(name),
        }
    }
}

/// Checks what version 1 signs: the venue's documents show plain values only,
/// and clients differ in whether they sign others encoded (ccxt) or bare (the
/// vendor's sample). INVARIANT (one reading): so only values are taken for
/// which both are the same.
pub(super) fn check_plain(params: &ParamText) -> Result<(), Refusal> {
    for (name, value) in params.iter() {
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || name.contains(['.', '-'])
        {
            return Err(Refusal::of(
                RefusalCode::IllegalCharacters,
                name,
                "is no parameter name of this venue",
            ));
        }
        if !is_plain(value) {
            return Err(Refusal::of(
                RefusalCode::IllegalCharacters,
                name,
                "holds a character that would have to be encoded, which version 1 does not define; \
                 use letters, digits and `-._~`, or version 3",
            ));
        }
    }
    Ok(())
}

/// The same parameters with their names in order of their bytes, as version 1
/// signs them.
pub(super) fn sorted(params: &ParamText) -> Result<ParamText, Refusal> {
    if params.iter().map(|(name, _)| name).is_sorted() {
        return Ok(params.clone());
    }
    let mut pairs: Vec<(&str, &str)> = params.iter().collect();
    pairs.sort_unstable();
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        encode_into(value, &mut text);
    }
    ParamText::parse(text.as_bytes())
}

//! The venues whose keys the vault holds.

use crate::protocol::control::Scheme;

/// A venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Binance: HMAC, Ed25519 and RSA keys.
    Binance,
    /// WOO X: HMAC keys.
    Woox,
}

impl Venue {
    /// Every venue.
    pub const ALL: [Self; 2] = [Self::Binance, Self::Woox];

    /// The name on the command line, in configuration and in sealed keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Woox => "woox",
        }
    }

    /// The venue of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|venue| venue.name() == name)
    }

    /// Whether the venue has keys of that scheme.
    pub const fn has(self, scheme: Scheme) -> bool {
        match self {
            Self::Binance => true,
            Self::Woox => matches!(scheme, Scheme::HmacSha256),
        }
    }
}

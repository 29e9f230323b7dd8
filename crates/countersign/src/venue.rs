//! What commands say of a venue.

use vault::venue::Venue;

/// Reads the name of a venue, as clap asks for it.
pub(crate) fn parse(name: &str) -> Result<Venue, String> {
    Venue::from_name(name).ok_or_else(|| {
        let known = Venue::ALL.map(|venue| format!("`{}`", venue.name())).join(" or ");
        format!("use {known}")
    })
}

/// How the venue calls itself.
pub(crate) const fn title(venue: Venue) -> &'static str {
    match venue {
        Venue::Binance => "Binance",
        Venue::Woox => "WOO X",
    }
}

/// A market in the venue's spelling.
pub(crate) const fn example_market(venue: Venue) -> &'static str {
    match venue {
        Venue::Binance => "BTCUSDT",
        Venue::Woox => "SPOT_BTC_USDT",
    }
}

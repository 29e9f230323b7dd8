//! The texts that `key` commands have signed to learn what a key may do.
//!
//! They are signed before any gateway runs, so no verdict of a log stands
//! behind them: `log verify` lets exactly these pass without one.

/// Keys of an account that WOO X lists at once.
pub(super) const PAGE_KEYS: usize = 100;
/// Pages that are looked through for the key.
pub(super) const PAGES: usize = 8;

/// Binance's text; all of its query.
pub(super) fn binance(now_ms: u64) -> String {
    format!("timestamp={now_ms}")
}

/// What is asked at WOO X, page by page from 1.
pub(super) fn woox_target(page: usize) -> String {
    format!("/v3/account/credentials?page={page}&size={PAGE_KEYS}")
}

/// WOO X's text.
pub(super) fn woox(now_ms: u64, target: &str) -> String {
    format!("{now_ms}GET{target}")
}

/// Every text that a `key` command could have had signed at that time.
pub(crate) fn texts_at(now_ms: u64) -> impl Iterator<Item = String> {
    let pages = (1..=PAGES).map(move |page| woox(now_ms, &woox_target(page)));
    std::iter::once(binance(now_ms)).chain(pages)
}

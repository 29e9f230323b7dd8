//! Recorded trades of one event.

use std::path::{Path, PathBuf};

use judge::detect::pump::{MarketTrade, Taker};

use super::{TRADES, TRADES_BYTES, broken, columns, table, wrong};
use crate::failure::Failure;

/// The event's file, in gzip or plain.
pub(super) fn find(directory: &Path, event: &str) -> Option<PathBuf> {
    ["csv.gz", "csv"]
        .map(|ending| directory.join(format!("{event}.{ending}")))
        .into_iter()
        .find(|path| path.is_file())
}

/// Reads a file of trades, in the order of time.
pub(super) fn read(path: &Path) -> Result<Vec<MarketTrade>, Failure> {
    let mut reader = table(path, TRADES_BYTES)?;
    let names = ["timestamp_ms", "side", "price", "amount"];
    let [Some(time), Some(side), Some(price), Some(amount)] = columns(path, &mut reader, names)?
    else {
        let what = "the header is not timestamp_ms,side,price,amount";
        return Err(wrong(path, Some(1), what));
    };
    let mut trades = Vec::new();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| broken(path, &error))? {
        let field = |column: usize| row.get(column).unwrap_or_default().trim();
        let bad = |what: String| wrong(path, row.position().map(csv::Position::line), what);
        if trades.len() >= TRADES {
            return Err(bad(format!("more than {TRADES} trades")));
        }
        let text = field(time);
        let at_ms = text.parse().map_err(|_| bad(format!("`{text}` is no time in ms")))?;
        let taker = match field(side) {
            "buy" => Taker::Buyer,
            "sell" => Taker::Seller,
            other => return Err(bad(format!("`{other}` is neither buy nor sell"))),
        };
        let price = positive(field(price)).map_err(bad)?;
        let amount = positive(field(amount)).map_err(bad)?;
        trades.push(MarketTrade { at_ms, taker, price, amount });
    }
    if trades.is_empty() {
        return Err(wrong(path, None, "no trades"));
    }
    trades.sort_by_key(|trade| trade.at_ms);
    Ok(trades)
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| format!("`{text}` is no positive number"))
}

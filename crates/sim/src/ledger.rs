//! A venue's books without a network or a clock: balances, fair prices, and a
//! thief who rests on the other side. Drills measure losses here.
//!
//! It reads the signed text by itself, with a common library.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    /// An order was filled whole: base quantity and quote quantity.
    Filled {
        /// Base, asset units.
        base: Decimal,
        /// Quote, asset units.
        quote: Decimal,
    },
    /// Value left.
    Withdrawn,
    /// The venue refused it.
    Refused(String),
}

/// One thief's and all accounts' books.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    balances: BTreeMap<(String, String), Decimal>,
    prices: BTreeMap<String, Decimal>,
    /// The price at which the thief rests on the other side, by market.
    thief_asks: BTreeMap<String, Decimal>,
    /// What the thief won against fair prices, dollars.
    stolen: Decimal,
    /// What of it left by withdrawal, dollars, by address.
    left_to: BTreeMap<String, Decimal>,
    /// Addresses that are the thief's.
    thief_addresses: Vec<String>,
}

impl Ledger {
    /// Puts money into an account.
    pub fn deposit(&mut self, account: &str, asset: &str, amount: Decimal) {
        let balance = self.balances.entry((account.to_owned(), asset.to_owned())).or_default();
        *balance = balance.saturating_add(amount);
    }

    /// The fair price of a market, quote (dollars) per base.
    pub fn set_price(&mut self, market: &str, price: Decimal) {
        self.prices.insert(market.to_owned(), price);
    }

    /// The fair price of a market.
    pub fn price(&self, market: &str) -> Option<Decimal> {
        self.prices.get(market).copied()
    }

    /// The thief rests at this price, for as much as anybody buys.
    pub fn thief_asks(&mut self, market: &str, price: Decimal) {
        self.thief_asks.insert(market.to_owned(), price);
    }

    /// An address that counts as the thief's.
    pub fn thief_has(&mut self, address: &str) {
        self.thief_addresses.push(address.to_owned());
    }

    /// What the thief has won, dollars at fair prices.
    pub const fn stolen(&self) -> Decimal {
        self.stolen
    }

    /// What left to an address of the thief's, dollars at fair prices.
    pub fn left_to(&self, address: &str) -> Decimal {
        self.left_to.get(address).copied().unwrap_or_default()
    }

    /// Executes a request to a path of Binance's.
    pub fn execute(&mut self, account: &str, path: &str, text: &[u8]) -> Executed {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if fields.insert(name.into_owned(), value.into_owned()).is_some() {
                return refused("a parameter came twice");
            }
        }
        match path {
            "/api/v3/order" => self.order(account, &fields),
            "/sapi/v1/capital/withdraw/apply" => self.withdraw(account, &fields),
            _ => refused("the books have no such endpoint"),
        }
    }

    fn order(&mut self, account: &str, fields: &BTreeMap<String, String>) -> Executed {
        let market = fields.get("symbol").map(String::as_str).unwrap_or_default();
        let Some(base_asset) = market.strip_suffix("USDT") else { return refused("no market") };
        let Some(fair) = self.price(market) else { return refused("no market") };
        let (Some(quantity), Some(limit)) = (number(fields, "quantity"), number(fields, "price"))
        else {
            return refused("quantity and price are needed");
        };
        let buys = fields.get("side").map(String::as_str) == Some("BUY");
        let thief = self.thief_asks.get(market).copied().filter(|ask| buys && *ask <= limit);
        // Nobody else sells so cheap, or asks so much, as the thief.
        let price = thief.unwrap_or(limit);
        let Some(quote) = quantity.checked_mul(price) else { return refused("too large") };
        let signed = |by: Decimal| if buys { by } else { -by };
        self.deposit(account, base_asset, signed(quantity));
        self.deposit(account, "USDT", -signed(quote));
        if thief.is_some() {
            let won = quantity.saturating_mul(price.saturating_sub(fair));
            self.stolen = self.stolen.saturating_add(won);
        }
        Executed::Filled { base: quantity, quote }
    }

    fn withdraw(&mut self, account: &str, fields: &BTreeMap<String, String>) -> Executed {
        let asset = fields.get("coin").cloned().unwrap_or_default();
        let Some(amount) = number(fields, "amount") else { return refused("no amount") };
        let held = self.balances.get(&(account.to_owned(), asset.clone())).copied();
        if held.unwrap_or_default() < amount {
            return refused("the account does not have so much");
        }
        self.deposit(account, &asset, -amount);
        let address = fields.get("address").map(String::as_str).unwrap_or_default();
        if self.thief_addresses.iter().any(|own| own == address) {
            let price = self.price(&format!("{asset}USDT")).unwrap_or(Decimal::ONE);
            let worth = amount.saturating_mul(price);
            self.stolen = self.stolen.saturating_add(worth);
            let left = self.left_to.entry(address.to_owned()).or_default();
            *left = left.saturating_add(worth);
        }
        Executed::Withdrawn
    }
}

fn refused(why: &str) -> Executed {
    Executed::Refused(why.to_owned())
}

fn number(fields: &BTreeMap<String, String>, name: &str) -> Option<Decimal> {
    let value = Decimal::from_str_exact(fields.get(name)?).ok()?;
    (value > Decimal::ZERO).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_thief_wins_is_what_the_account_loses() {
        let mut ledger = Ledger::default();
        ledger.deposit("main", "USDT", Decimal::from(1_000));
        ledger.set_price("DMGUSDT", Decimal::from(2));
        ledger.thief_asks("DMGUSDT", Decimal::from(6));
        ledger.thief_has("0xbad");
        let order = b"symbol=DMGUSDT&side=BUY&type=LIMIT&quantity=10&price=6";
        let filled = ledger.execute("main", "/api/v3/order", order);
        let (base, quote) = (Decimal::from(10), Decimal::from(60));
        assert_eq!(filled, Executed::Filled { base, quote });
        assert_eq!(ledger.stolen(), Decimal::from(40));
        let withdraw = |ledger: &mut Ledger, text: &[u8]| {
            ledger.execute("main", "/sapi/v1/capital/withdraw/apply", text)
        };
        let out = withdraw(&mut ledger, b"coin=USDT&network=ETH&address=0xbad&amount=900");
        assert_eq!(out, Executed::Withdrawn);
        assert_eq!(ledger.stolen(), Decimal::from(940));
        for bad in [
            &b"coin=USDT&network=ETH&address=0xbad&amount=900"[..],
            b"coin=USDT&network=ETH&address=0xbad&amount=-1",
            b"coin=USDT&amount=1&amount=2&address=0xbad",
        ] {
            assert!(matches!(withdraw(&mut ledger, bad), Executed::Refused(_)));
        }
        assert_eq!(ledger.stolen(), Decimal::from(940));
    }
}

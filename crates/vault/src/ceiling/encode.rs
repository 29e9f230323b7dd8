//! A ceiling as bytes, versioned, checked in both directions.

use wire::limits::{
    BOT_RECEIVE_WINDOW_MS, CLOCK_OFFSET_MS, MARKET_BYTES, SYMBOL_BYTES, VALUE_BYTES,
};
use wire::model::{Decimal, Effect, Product};

use super::{
    Allowance, AmountCeiling, Approvals, ApprovedCeiling, Ceiling, Destination,
    FAST_WITHDRAW_SWITCH, MarketCeiling, QuoteCeiling, ValueOutCeiling,
};
use crate::limits::{ALLOWANCES, ASSETS, CEILING_BYTES, DESTINATIONS, MARKETS};
use crate::protocol::KeyClass;
use crate::protocol::codec::{Decoder, Encoder, Malformed, TooLong};

/// Without approvers: as it was sealed before there were any.
const UNAPPROVED: u16 = 1;
/// With approvers.
const APPROVED: u16 = 2;
const ENDPOINT_BYTES: usize = 160;

/// Why a ceiling cannot be used; whoever wrote it has to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CeilingError {
    /// The bytes are not a ceiling of this version.
    Malformed(Malformed),
    /// Something is over its size.
    TooLong(TooLong),
    /// A rule that makes no sense; says which.
    Rule(String),
}

impl std::fmt::Display for CeilingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "not a ceiling: {error}"),
            Self::TooLong(error) => write!(f, "ceiling too large: {error}"),
            Self::Rule(what) => write!(f, "ceiling refused: {what}"),
        }
    }
}

impl std::error::Error for CeilingError {}

impl From<Malformed> for CeilingError {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<TooLong> for CeilingError {
    fn from(error: TooLong) -> Self {
        Self::TooLong(error)
    }
}

fn rule<T>(what: impl Into<String>) -> Result<T, CeilingError> {
    Err(CeilingError::Rule(what.into()))
}

fn positive(value: Decimal, what: &str) -> Result<(), CeilingError> {
    if value > Decimal::ZERO { Ok(()) } else { rule(format!("{what} must be over zero")) }
}

impl Ceiling {
    /// Sorts the markets and checks every rule.
    pub fn checked(mut self) -> Result<Self, CeilingError> {
        self.markets.sort_by(|a, b| a.market.cmp(&b.market));
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), CeilingError> {
        let sorted = self.markets.windows(2).all(|pair| match pair {
            [a, b] => a.market < b.market,
            _ => false,
        });
        if !sorted {
            return rule("markets must be sorted and named once");
        }
        for market in &self.markets {
            let name = Product::of(&market.market).1;
            if name.is_empty()
                || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            {
                return rule(format!(
                    "`{}` is not a market in the venue's spelling (`BTCUSDT`, `UM/BTCUSDT`)",
                    market.market
                ));
            }
            positive(market.max_base, "the base quantity of an order")?;
            if market.gross_base_per_hour < market.max_base {
                return rule(format!("{name}: an hour must allow at least one order"));
            }
            if let Some(quote) = &market.quote {
                positive(quote.max_quote, "the quote quantity of an order")?;
                if quote.gross_quote_per_hour < quote.max_quote {
                    return rule(format!("{name}: an hour must allow at least one quote order"));
                }
            }
        }
        for (at, asset) in self.value_out.iter().enumerate() {
            check_tiers(asset, self.approvals.is_some())?;
            if self.value_out.iter().skip(at + 1).any(|other| other.asset == asset.asset) {
                return rule(format!("{} is named twice", asset.asset));
            }
            if asset.destinations.is_empty() {
                return rule(format!("{} may leave, but to no listed destination", asset.asset));
            }
            if asset.destinations.iter().any(|to| to.network.is_empty() || to.address.is_empty()) {
                return rule(format!("{}: a destination needs network and address", asset.asset));
            }
        }
        for (at, allowed) in self.allowances.iter().enumerate() {
            if allowed.effect <= Effect::Order {
                return rule(format!("{} needs no allowance", allowed.endpoint));
            }
            if allowed.effect == Effect::ValueOut {
                return rule(format!(
                    "{} takes value out, which goes to listed destinations only",
                    allowed.endpoint
                ));
            }
            if self.allowances.iter().skip(at + 1).any(|other| other.endpoint == allowed.endpoint) {
                return rule(format!("{} is named twice", allowed.endpoint));
            }
            if allowed.requests_per_day == 0 {
                return rule(format!("{} is allowed zero times", allowed.endpoint));
            }
            for amount in &allowed.amounts {
                check_amounts(&amount.asset, amount.per_request, amount.per_day)?;
            }
        }
        match self.class {
            KeyClass::Read if !self.markets.is_empty() => return rule("a read key has no markets"),
            KeyClass::Read | KeyClass::Trade if !self.value_out.is_empty() => {
                return rule("only a value-out key moves value out");
            }
            KeyClass::Read | KeyClass::Trade if self.approvals.is_some() => {
                return rule("only a value-out key has approvers");
            }
            KeyClass::Read
                if self.allowances.iter().any(|one| one.endpoint != FAST_WITHDRAW_SWITCH) =>
            {
                return rule("a read key has no allowances");
            }
            _ => {}
        }
        if let Some(approvals) = &self.approvals {
            approvals.check()?;
        }
        if self.max_receive_window_ms == 0 || self.max_receive_window_ms > BOT_RECEIVE_WINDOW_MS {
            return rule(format!("the receive window must be 1 to {BOT_RECEIVE_WINDOW_MS} ms"));
        }
        if self.clock_offset_ms < 0 || self.clock_offset_ms > CLOCK_OFFSET_MS {
            return rule(format!("the clock offset must be 0 to {CLOCK_OFFSET_MS} ms"));
        }
        Ok(())
    }

    /// The ceiling as bytes.
    pub fn encode(&self) -> Result<Vec<u8>, CeilingError> {
        self.check()?;
        let mut bytes = Vec::new();
        let mut to = Encoder::new(&mut bytes);
        let version = if self.approvals.is_some() { APPROVED } else { UNAPPROVED };
        to.u16(version);
        to.u8(self.class as u8);
        to.count(self.markets.len(), MARKETS, "markets")?;
        for market in &self.markets {
            to.string(&market.market, MARKET_BYTES, "market")?;
            put_decimal(&mut to, market.max_base);
            put_decimal(&mut to, market.gross_base_per_hour);
            to.flag(market.quote.is_some());
            if let Some(quote) = &market.quote {
                put_decimal(&mut to, quote.max_quote);
                put_decimal(&mut to, quote.gross_quote_per_hour);
            }
            to.flag(market.maker_only);
        }
        to.count(self.value_out.len(), ASSETS, "assets")?;
        for asset in &self.value_out {
            to.string(&asset.asset, SYMBOL_BYTES, "asset")?;
            put_decimal(&mut to, asset.per_request);
            put_decimal(&mut to, asset.per_day);
            if version == APPROVED {
                to.flag(asset.approved.is_some());
            }
            if let Some(approved) = &asset.approved {
                put_decimal(&mut to, approved.per_request);
                put_decimal(&mut to, approved.per_day);
            }
            to.count(asset.destinations.len(), DESTINATIONS, "destinations")?;
            for destination in &asset.destinations {
                to.string(&destination.network, SYMBOL_BYTES, "network")?;
                to.string(&destination.address, VALUE_BYTES, "address")?;
                to.flag(destination.memo.is_some());
                if let Some(memo) = &destination.memo {
                    to.string(memo, VALUE_BYTES, "memo")?;
                }
            }
        }
        to.count(self.allowances.len(), ALLOWANCES, "allowances")?;
        for allowed in &self.allowances {
            to.string(&allowed.endpoint, ENDPOINT_BYTES, "endpoint")?;
            crate::protocol::put_effect(&mut to, allowed.effect);
            to.u32(allowed.requests_per_day);
            to.count(allowed.amounts.len(), ASSETS, "amounts")?;
            for amount in &allowed.amounts {
                to.string(&amount.asset, SYMBOL_BYTES, "asset")?;
                put_decimal(&mut to, amount.per_request);
                put_decimal(&mut to, amount.per_day);
            }
        }
        match &self.approvals {
            Some(approvals) => approvals.put(&mut to)?,
            // The empty list of approvers that version 1 has.
            None => to.u16(0),
        }
        to.u64(self.max_receive_window_ms);
        to.i64(self.clock_offset_ms);
        if bytes.len() > CEILING_BYTES {
            return Err(TooLong { what: "ceiling", limit: CEILING_BYTES }.into());
        }
        Ok(bytes)
    }

    /// Reads and checks a ceiling.
    pub fn decode(bytes: &[u8]) -> Result<Self, CeilingError> {
        let mut from = Decoder::new(bytes);
        let malformed = from.malformed("ceiling");
        if bytes.len() > CEILING_BYTES {
            return Err(malformed.into());
        }
        let version = from.u16("ceiling version")?;
        if version != UNAPPROVED && version != APPROVED {
            return Err(malformed.into());
        }
        let ceiling = Self {
            class: KeyClass::from_byte(from.u8("class")?).ok_or(malformed)?,
            markets: many(&mut from, MARKETS, take_market)?,
            value_out: many(&mut from, ASSETS, |from| take_value_out(from, version))?,
            allowances: many(&mut from, ALLOWANCES, take_allowance)?,
            approvals: if version == APPROVED {
                Some(Approvals::take(&mut from)?)
            } else {
                from.count(0, "approvers")?;
                None
            },
            max_receive_window_ms: from.u64("receive window")?,
            clock_offset_ms: from.i64("clock offset")?,
        };
        from.end()?;
        ceiling.check()?;
        Ok(ceiling)
    }
}

/// Without approval at least something may leave, or with it.
fn check_tiers(asset: &ValueOutCeiling, has_approvers: bool) -> Result<(), CeilingError> {
    let name = &asset.asset;
    let Some(approved) = &asset.approved else {
        return check_amounts(name, asset.per_request, asset.per_day);
    };
    check_amounts(name, approved.per_request, approved.per_day)?;
    if !has_approvers {
        return rule(format!("{name} may leave with approval, but nobody may approve"));
    }
    if asset.per_request < Decimal::ZERO || asset.per_day < asset.per_request {
        return rule(format!("{name}: a day must allow at least one request"));
    }
    if approved.per_request < asset.per_request {
        return rule(format!("{name}: with approval a request must allow more than without"));
    }
    Ok(())
}

fn check_amounts(asset: &str, per_request: Decimal, per_day: Decimal) -> Result<(), CeilingError> {
    if asset.is_empty() {
        return rule("an asset without a name");
    }
    positive(per_request, "the amount of a request")?;
    if per_day < per_request {
        return rule(format!("{asset}: a day must allow at least one request"));
    }
    Ok(())
}

fn many<'a, T>(
    from: &mut Decoder<'a>,
    limit: usize,
    take: impl Fn(&mut Decoder<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    (0..from.count(limit, "count")?).map(|_| take(from)).collect()
}

fn put_decimal(to: &mut Encoder<'_>, value: Decimal) {
    to.raw(&value.serialize());
}

fn take_decimal(from: &mut Decoder<'_>) -> Result<Decimal, Malformed> {
    let malformed = from.malformed("amount");
    let bytes: [u8; 16] = from.array("amount")?;
    let value = Decimal::deserialize(bytes);
    // Only what we would write ourselves: the flags have unused bits.
    if value.serialize() == bytes && value.scale() <= Decimal::MAX_SCALE {
        Ok(value)
    } else {
        Err(malformed)
    }
}

fn take_market(from: &mut Decoder<'_>) -> Result<MarketCeiling, Malformed> {
    Ok(MarketCeiling {
        market: from.string(MARKET_BYTES, "market")?.to_owned(),
        max_base: take_decimal(from)?,
        gross_base_per_hour: take_decimal(from)?,
        quote: if from.flag("quote")? {
            Some(QuoteCeiling {
                max_quote: take_decimal(from)?,
                gross_quote_per_hour: take_decimal(from)?,
            })
        } else {
            None
        },
        maker_only: from.flag("maker only")?,
    })
}

fn take_value_out(from: &mut Decoder<'_>, version: u16) -> Result<ValueOutCeiling, Malformed> {
    Ok(ValueOutCeiling {
        asset: from.string(SYMBOL_BYTES, "asset")?.to_owned(),
        per_request: take_decimal(from)?,
        per_day: take_decimal(from)?,
        approved: if version == APPROVED && from.flag("second tier")? {
            Some(ApprovedCeiling { per_request: take_decimal(from)?, per_day: take_decimal(from)? })
        } else {
            None
        },
        destinations: many(from, DESTINATIONS, |from| {
            Ok(Destination {
                network: from.string(SYMBOL_BYTES, "network")?.to_owned(),
                address: from.string(VALUE_BYTES, "address")?.to_owned(),
                memo: if from.flag("memo")? {
                    Some(from.string(VALUE_BYTES, "memo")?.to_owned())
                } else {
                    None
                },
            })
        })?,
    })
}

fn take_allowance(from: &mut Decoder<'_>) -> Result<Allowance, Malformed> {
    Ok(Allowance {
        endpoint: from.string(ENDPOINT_BYTES, "endpoint")?.to_owned(),
        effect: crate::protocol::take_effect(from)?,
        requests_per_day: from.u32("requests")?,
        amounts: many(from, ASSETS, |from| {
            Ok(AmountCeiling {
                asset: from.string(SYMBOL_BYTES, "asset")?.to_owned(),
                per_request: take_decimal(from)?,
                per_day: take_decimal(from)?,
            })
        })?,
    })
}

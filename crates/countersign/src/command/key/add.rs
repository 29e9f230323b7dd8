//! `key add`: a real key goes in, under a ceiling, with the rights that the
//! venue states at that moment.

mod credentials;
mod report;

use std::path::PathBuf;

use vault::ceiling::{
    Approvals, ApprovedCeiling, Ceiling, CeilingError, Destination, MarketNeed, ValueOutNeed,
    propose_read, propose_trade, propose_value_out,
};
use vault::protocol::control::{BoxedKey, ControlAnswer, ControlAsk, Scheme};
use vault::protocol::{KeyClass, KeyInfo};
use vault::venue::Venue;
use wire::model::{Decimal, Rights};

use super::super::admin;
use super::super::config_edit::ConfigEdit;
use super::super::destination::{self, CapNames, Listed};
use super::approvers::ApprovalArguments;
use super::observe::Observer;
use super::rights::Stated;
use super::session::Session;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::{Settings, check_name};
use crate::venue::example_market;
use credentials::{Credentials, boxed};
use report::{Added, answer};

/// Decimal places of a proposed quantity.
const PLACES: u32 = 6;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Class {
    /// Reads and cancels
    Read,
    /// Orders
    Trade,
    /// Withdrawals to the destinations listed with it, for ever; others need another key
    ValueOut,
}

impl Class {
    const fn of_vault(self) -> KeyClass {
        match self {
            Self::Read => KeyClass::Read,
            Self::Trade => KeyClass::Trade,
            Self::ValueOut => KeyClass::ValueOut,
        }
    }

    /// The name under `keys` in `[account.NAME]`.
    const fn in_configuration(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::ValueOut => "value_out",
        }
    }
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KeyScheme {
    /// HMAC-SHA256 with a secret
    Hmac,
    /// Ed25519 with a private key
    Ed25519,
    /// RSA (PKCS#1 v1.5, SHA-256) with a private key of 2048 to 4096 bits
    Rsa,
}

impl KeyScheme {
    const fn of_vault(self) -> Scheme {
        match self {
            Self::Hmac => Scheme::HmacSha256,
            Self::Ed25519 => Scheme::Ed25519,
            Self::Rsa => Scheme::Rsa,
        }
    }
}

/// Arguments of `key add`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The venue: `binance` or `woox`
    #[arg(value_parser = crate::venue::parse)]
    venue: Venue,
    /// The key's name in the vault
    name: String,
    /// What it is for: one real key per class is the safe way
    #[arg(long, value_enum)]
    class: Class,
    /// The account that it belongs to
    #[arg(long, default_value = "main")]
    account: String,
    /// A market that it may trade (`BTCUSDT`); repeat for more (default: those of the bots, or asked for)
    #[arg(long = "market", value_name = "MARKET")]
    markets: Vec<String>,
    /// Largest order that bots will place, USD: the ceiling is twice that, in the base asset
    #[arg(long, value_name = "USD", default_value = "10000")]
    order_notional: Decimal,
    /// What bots will trade in an hour, USD: the ceiling is twenty times that, in the base asset
    #[arg(long, value_name = "USD", default_value = "100000")]
    hourly_notional: Decimal,
    /// Where a value-out key may send an asset; repeat for more
    #[arg(long = "destination", value_name = destination::FORM)]
    destinations: Vec<String>,
    /// Most of an asset that a value-out key withdraws at once; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    max_per_request: Vec<String>,
    /// Most of an asset that a value-out key withdraws in 24 h; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    max_per_day: Vec<String>,
    #[command(flatten)]
    approval: ApprovalArguments,
    /// Read API key and secret from standard input, a line each, instead of asking
    #[arg(long, conflicts_with = "secret_file")]
    secret_stdin: bool,
    /// Read API key and secret from this file, a line each, instead of asking
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// How it signs: `hmac`, `ed25519` or `rsa` (default: as the secret is; a private key is PKCS#8 in PEM)
    #[arg(long, value_enum)]
    scheme: Option<KeyScheme>,
    /// The private key is the one that `key generate` made under this name; only the API key is read
    #[arg(long)]
    generated: bool,
    /// Accept a read or trade key that may withdraw or transfer (discouraged)
    #[arg(long)]
    allow_value_out_rights: bool,
    /// Go on although this kernel lacks a sandbox feature
    #[arg(long)]
    allow_missing_sandbox: bool,
    #[command(flatten)]
    unseal: UnsealArguments,
}

/// Seals the key and says what it may do.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    check_name("key", &arguments.name)?;
    check_name("account", &arguments.account)?;
    let settings = Settings::read(&context.config)?;
    let markets = markets(&settings, arguments)?;
    let destinations = destinations(arguments)?;
    let approvals = arguments.approval.approvals()?;
    let tiers = arguments.approval.tiers(&destinations)?;
    // Before anything is asked for: a rule that makes no sense is a misuse.
    if arguments.class == Class::ValueOut {
        propose(&destinations, &tiers, approvals.clone()).map_err(Failure::misuse)?;
    }
    check_venue(&settings, arguments)?;
    let Credentials { api_key, scheme, secret } = credentials::read(arguments)?;
    if !arguments.venue.has(scheme) {
        return Err(Failure::misuse(format!(
            "{} has no {} keys",
            arguments.venue.name(),
            scheme.name()
        ))
        .next("give an HMAC secret"));
    }
    warn("unsealing the vault in a signer process ...");
    let mut session = Session::open(&settings, &arguments.unseal, arguments.allow_missing_sandbox)?;
    if session.keys()?.iter().any(|key| key.name == arguments.name) {
        session.close();
        return Err(Failure::misuse(format!("there is a key `{}` already", arguments.name))
            .next("choose another name, or revoke it first"));
    }
    // INVARIANT (key custody): the secret leaves this process only in a box
    // that the signer alone opens.
    let sealed_secret = match &secret {
        Some(secret) => boxed(&session.box_key()?, secret)?,
        None => Vec::new(),
    };
    drop(secret);
    let needs = Needs { markets, destinations, approvals, tiers };
    let new = New { api_key, scheme, sealed_secret };
    let outcome = add(&settings, arguments, &needs, new, &mut session);
    session.close();
    let added = outcome?;
    let mut edit = ConfigEdit::open(&settings)?;
    edit.set_account_key(
        arguments.venue.name(),
        &arguments.account,
        arguments.class.in_configuration(),
        Some(&arguments.name),
    )?;
    edit.save()?;
    let unknown = admin::reload_keys(&settings)?;
    Ok(answer(context, arguments, &added, unknown.as_deref()))
}

/// An account is at one venue.
fn check_venue(settings: &Settings, arguments: &Arguments) -> Result<(), Failure> {
    match settings.venue_of(&arguments.account) {
        Some(venue) if venue != arguments.venue => Err(Failure::misuse(format!(
            "account `{}` is at `{}`",
            arguments.account,
            venue.name()
        ))
        .next("name another account with --account")),
        _ => Ok(()),
    }
}

/// What the signer is given.
struct New {
    api_key: String,
    scheme: Scheme,
    sealed_secret: Vec<u8>,
}

/// What the ceiling is made from.
struct Needs {
    /// Of a trade key.
    markets: Vec<String>,
    /// Of a value-out key.
    destinations: Vec<Listed>,
    /// Who may approve more.
    approvals: Option<Approvals>,
    /// How much more, per asset.
    tiers: Vec<(String, ApprovedCeiling)>,
}

/// The ceiling of a value-out key.
pub(super) fn propose(
    destinations: &[Listed],
    tiers: &[(String, ApprovedCeiling)],
    approvals: Option<Approvals>,
) -> Result<Ceiling, CeilingError> {
    let needs: Vec<ValueOutNeed> = destinations.iter().map(|one| need(one, tiers)).collect();
    propose_value_out(&needs, approvals)
}

fn add(
    settings: &Settings,
    arguments: &Arguments,
    needs: &Needs,
    new: New,
    session: &mut Session,
) -> Result<Added, Failure> {
    let mut key = BoxedKey {
        name: arguments.name.clone(),
        account: arguments.account.clone(),
        venue: arguments.venue.name().to_owned(),
        api_key: new.api_key,
        class: KeyClass::Read,
        scheme: new.scheme,
        rights: Rights::ALL,
        rights_known: false,
        hosts: Vec::new(),
        accept_wide_rights: true,
        ceiling: propose_read().encode().map_err(Failure::negative)?,
        sealed_secret: new.sealed_secret,
    };
    // First as a key that signs reads only, to ask the venue about itself.
    let provisional = sealed(session, key.clone())?;
    warn("asking the venue what the key may do ...");
    let mut observer = Observer::start(settings, arguments.venue, arguments.allow_missing_sandbox)?;
    let found = observer.rights(session, &provisional).and_then(|stated| {
        refuse_wide(arguments, &stated)?;
        let ceiling = ceiling(arguments, needs, &mut observer)?;
        Ok((stated, ceiling))
    });
    session.ask(&ControlAsk::RemoveKey { name: arguments.name.clone() })?;
    let (stated, ceiling) = found?;
    key.class = arguments.class.of_vault();
    key.rights = stated.rights;
    key.rights_known = stated.known;
    key.accept_wide_rights = arguments.allow_value_out_rights || arguments.class == Class::ValueOut;
    key.ceiling = ceiling.encode().map_err(Failure::negative)?;
    let key = sealed(session, key)?;
    if arguments.generated {
        session.ask(&ControlAsk::ForgetGenerated { name: arguments.name.clone() })?;
    }
    Ok(Added {
        key,
        stated,
        ceiling: ceiling.describe(),
        egress_addresses: observer.egress_addresses,
    })
}

fn sealed(session: &mut Session, key: BoxedKey) -> Result<KeyInfo, Failure> {
    match session.ask(&ControlAsk::AddKey(key))? {
        ControlAnswer::Key(key) => Ok(key),
        _ => Err(Failure::negative("the signer answers another question than it was asked")),
    }
}

fn refuse_wide(arguments: &Arguments, stated: &Stated) -> Result<(), Failure> {
    let wide = stated.moves_value();
    if wide.is_empty() || arguments.class == Class::ValueOut || arguments.allow_value_out_rights {
        return Ok(());
    }
    let what = if stated.known {
        "the venue lets this key move value"
    } else {
        "the venue cannot tell what this key may do, so every right is assumed"
    };
    Err(Failure::negative(format!("{what} ({})", wide.join(", "))).next(
        "take the rights away at the venue and try again, or insist with --allow-value-out-rights",
    ))
}

/// The markets as named, or those of the account's bots.
fn markets(settings: &Settings, arguments: &Arguments) -> Result<Vec<String>, Failure> {
    if arguments.class != Class::Trade {
        return Ok(Vec::new());
    }
    let mut markets = arguments.markets.clone();
    if markets.is_empty() {
        let ours = settings.bots.values().filter(|bot| {
            bot.get("account").and_then(toml::Value::as_str) == Some(&arguments.account)
        });
        let lists = ours.filter_map(|bot| bot.get("markets")?.as_array());
        markets = lists.flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect();
    }
    if markets.is_empty() && !arguments.secret_stdin {
        let example = example_market(arguments.venue);
        markets = ask(&format!("markets that it may trade (for example {example}): "))?
            .split([',', ' '])
            .filter(|market| !market.is_empty())
            .map(str::to_owned)
            .collect();
    }
    markets.sort();
    markets.dedup();
    let (longest, joins) = match arguments.venue {
        Venue::Binance => (wire::limits::SYMBOL_BYTES, false),
        Venue::Woox => (wire::limits::WOOX_SYMBOL_BYTES, true),
    };
    let letter =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || (joins && byte == b'_');
    let fine = |market: &String| {
        // Binance calls a futures market by the spot market's symbol: it is marked.
        let (_, symbol) = wire::model::Product::of(market);
        !symbol.is_empty() && symbol.len() <= longest && symbol.bytes().all(letter)
    };
    match markets.iter().find(|market| !fine(market)) {
        Some(market) => Err(Failure::misuse(format!("`{market}` is not a market")).next(format!(
            "write it as the venue does, for example {}",
            example_market(arguments.venue)
        ))),
        None if markets.is_empty() => Err(Failure::misuse(
            "a trade key needs the markets that its ceiling covers",
        )
        .next(format!(
            "name them with --market, for example --market {}",
            example_market(arguments.venue)
        ))),
        None => Ok(markets),
    }
}

/// Asks at the terminal, where there is one; nothing otherwise.
fn ask(question: &str) -> Result<String, Failure> {
    use std::io::{IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        return Ok(String::new());
    }
    let mut answer = String::new();
    let _ = write!(std::io::stderr(), "{question}");
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::negative(format!("cannot read from the terminal: {error}")))?;
    Ok(answer.trim().to_owned())
}

/// Where a value-out key may send what.
fn destinations(arguments: &Arguments) -> Result<Vec<Listed>, Failure> {
    let any = [&arguments.destinations, &arguments.max_per_request, &arguments.max_per_day];
    if arguments.class != Class::ValueOut && arguments.approval.is_any() {
        return Err(Failure::misuse("only a value-out key has approvers")
            .next("add a key of its own for withdrawals, with --class value-out"));
    }
    if arguments.class != Class::ValueOut && any.iter().any(|list| !list.is_empty()) {
        return Err(Failure::misuse("only a value-out key has destinations and their caps")
            .next("add a key of its own for withdrawals, with --class value-out"));
    }
    destination::read(
        &arguments.destinations,
        &arguments.max_per_request,
        &arguments.max_per_day,
        CapNames { per_request: "--max-per-request", per_day: "--max-per-day" },
    )
}

/// A ceiling in the base assets, at today's prices; or to where it was listed.
fn ceiling(
    arguments: &Arguments,
    needs: &Needs,
    observer: &mut Observer,
) -> Result<Ceiling, Failure> {
    match arguments.class {
        Class::Read => return Ok(Ceiling::closed(KeyClass::Read)),
        Class::ValueOut => {
            return propose(&needs.destinations, &needs.tiers, needs.approvals.clone())
                .map_err(Failure::negative);
        }
        Class::Trade => {}
    }
    let markets = &needs.markets;
    let mut needs = Vec::with_capacity(markets.len());
    for market in markets {
        let price = observer.price(market)?;
        let quantity = |notional: Decimal| {
            notional
                .checked_div(price)
                .map(|base| base.round_dp_with_strategy(PLACES, UP).normalize())
                .filter(|base| *base > Decimal::ZERO)
                .ok_or_else(|| Failure::misuse(format!("`{notional}` USD is no amount")))
        };
        needs.push(MarketNeed {
            market: market.clone(),
            order_base: quantity(arguments.order_notional)?,
            traded_base_per_hour: quantity(arguments.hourly_notional)?,
            quote: None,
            maker_only: false,
        });
    }
    propose_trade(&needs).map_err(Failure::negative)
}

fn need(listed: &Listed, tiers: &[(String, ApprovedCeiling)]) -> ValueOutNeed {
    let approved = tiers.iter().find(|(asset, _)| *asset == listed.asset);
    ValueOutNeed {
        asset: listed.asset.clone(),
        per_request: listed.per_request,
        per_day: listed.per_day,
        approved: approved.map(|(_, tier)| tier.clone()),
        destination: Destination {
            network: listed.network.clone(),
            address: listed.address.clone(),
            memo: listed.memo.clone(),
        },
    }
}

/// A ceiling is a bound on what was asked for: it is never below it.
const UP: rust_decimal::RoundingStrategy = rust_decimal::RoundingStrategy::AwayFromZero;

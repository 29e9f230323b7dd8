//! `key add`: a real key goes in, under a ceiling, with the rights that the
//! venue states at that moment.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;
use vault::ceiling::{
    Ceiling, Destination, MarketNeed, ValueOutNeed, propose_read, propose_trade, propose_value_out,
};
use vault::protocol::control::{BoxedKey, ControlAnswer, ControlAsk, Scheme};
use vault::protocol::{KeyClass, KeyInfo};
use wire::model::{Decimal, Right, Rights};
use wire::venue::binance::collide::{Reach, indistinguishable};
use zeroize::Zeroizing;

use super::super::admin;
use super::super::config_edit::ConfigEdit;
use super::super::destination::{self, CapNames, Listed};
use super::observe::Observer;
use super::rights::Stated;
use super::session::Session;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::{UnsealArguments, first_line, from_file, from_stdin, prompt};
use crate::settings::{Settings, check_name};

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

/// Arguments of `key add`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The venue
    #[arg(value_parser = ["binance"])]
    venue: String,
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
    /// Read API key and secret from standard input, a line each, instead of asking
    #[arg(long, conflicts_with = "secret_file")]
    secret_stdin: bool,
    /// Read API key and secret from this file, a line each, instead of asking
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
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
    let (api_key, secret) = credentials(arguments)?;
    warn("unsealing the vault in a signer process ...");
    let mut session = Session::open(&settings, &arguments.unseal, arguments.allow_missing_sandbox)?;
    if session.keys()?.iter().any(|key| key.name == arguments.name) {
        session.close();
        return Err(Failure::misuse(format!("there is a key `{}` already", arguments.name))
            .next("choose another name, or revoke it first"));
    }
    // INVARIANT (key custody): the secret leaves this process only in a box
    // that the signer alone opens.
    let sealed_secret = boxed(&session.box_key()?, &secret)?;
    drop(secret);
    let needs = Needs { markets, destinations };
    let outcome = add(&settings, arguments, &needs, &api_key, sealed_secret, &mut session);
    session.close();
    let added = outcome?;
    let mut edit = ConfigEdit::open(&settings)?;
    edit.set_account_key(
        &arguments.account,
        arguments.class.in_configuration(),
        Some(&arguments.name),
    )?;
    edit.save()?;
    let unknown = admin::reload_keys(&settings)?;
    Ok(answer(context, arguments, &added, unknown.as_deref()))
}

/// What the ceiling is made from.
struct Needs {
    /// Of a trade key.
    markets: Vec<String>,
    /// Of a value-out key.
    destinations: Vec<Listed>,
}

/// What was found out and sealed.
struct Added {
    key: KeyInfo,
    stated: Stated,
    ceiling: Vec<String>,
    local_address: Option<String>,
}

fn add(
    settings: &Settings,
    arguments: &Arguments,
    needs: &Needs,
    api_key: &str,
    sealed_secret: Vec<u8>,
    session: &mut Session,
) -> Result<Added, Failure> {
    let mut key = BoxedKey {
        name: arguments.name.clone(),
        account: arguments.account.clone(),
        venue: arguments.venue.clone(),
        api_key: api_key.to_owned(),
        class: KeyClass::Read,
        scheme: Scheme::HmacSha256,
        rights: Rights::ALL,
        rights_known: false,
        hosts: Vec::new(),
        accept_wide_rights: true,
        ceiling: propose_read().encode().map_err(Failure::negative)?,
        sealed_secret,
    };
    // First as a key that signs reads only, to ask the venue about itself.
    let provisional = sealed(session, key.clone())?;
    warn("asking the venue what the key may do ...");
    let mut observer = Observer::start(settings, arguments.allow_missing_sandbox)?;
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
    Ok(Added { key, stated, ceiling: ceiling.describe(), local_address: observer.local_address })
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
        markets = ask("markets that it may trade (for example BTCUSDT, ETHUSDT): ")?
            .split([',', ' '])
            .filter(|market| !market.is_empty())
            .map(str::to_owned)
            .collect();
    }
    markets.sort();
    markets.dedup();
    let fine = |market: &String| {
        !market.is_empty()
            && market.len() <= wire::limits::SYMBOL_BYTES
            && market.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match markets.iter().find(|market| !fine(market)) {
        Some(market) => Err(Failure::misuse(format!("`{market}` is not a market"))
            .next("write it as the venue does, for example BTCUSDT")),
        None if markets.is_empty() => {
            Err(Failure::misuse("a trade key needs the markets that its ceiling covers")
                .next("name them with --market, for example --market BTCUSDT"))
        }
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

/// The API key and the secret, each from a line.
fn credentials(arguments: &Arguments) -> Result<(String, Zeroizing<Vec<u8>>), Failure> {
    let (key, secret) = if arguments.secret_stdin || arguments.secret_file.is_some() {
        let both = match &arguments.secret_file {
            Some(path) => from_file(path)?,
            None => from_stdin()?,
        };
        let end = both.iter().position(|byte| *byte == b'\n').unwrap_or(both.len());
        let rest = both.get(end + 1..).unwrap_or_default().to_vec();
        (first_line(both), first_line(Zeroizing::new(rest)))
    } else {
        (prompt("API key: ")?, prompt("secret: ")?)
    };
    let key = String::from_utf8(key.trim_ascii().to_vec()).unwrap_or_default();
    let printable = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || !printable || secret.is_empty() {
        return Err(Failure::misuse("API key or secret is missing or has odd characters")
            .next("give the API key on the first line and the secret on the second"));
    }
    if secret.starts_with(b"-----BEGIN") {
        return Err(Failure::misuse("this is a private key in PEM; only HMAC secrets are taken")
            .next("make an HMAC key (`system generated`) at the venue"));
    }
    Ok((key, Zeroizing::new(secret.trim_ascii().to_vec())))
}

fn boxed(to: &[u8; 32], secret: &[u8]) -> Result<Vec<u8>, Failure> {
    crypto_box::PublicKey::from(*to)
        .seal(&mut crypto_box::aead::OsRng, secret)
        .map_err(|_| Failure::negative("the secret cannot be sealed"))
}

/// Where a value-out key may send what.
fn destinations(arguments: &Arguments) -> Result<Vec<Listed>, Failure> {
    let any = [&arguments.destinations, &arguments.max_per_request, &arguments.max_per_day];
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
            let needs: Vec<ValueOutNeed> = needs.destinations.iter().map(need).collect();
            return propose_value_out(&needs).map_err(Failure::negative);
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

fn need(listed: &Listed) -> ValueOutNeed {
    ValueOutNeed {
        asset: listed.asset.clone(),
        per_request: listed.per_request,
        per_day: listed.per_day,
        destination: Destination {
            network: listed.network.clone(),
            address: listed.address.clone(),
            memo: listed.memo.clone(),
        },
    }
}

/// A ceiling is a bound on what was asked for: it is never below it.
const UP: rust_decimal::RoundingStrategy = rust_decimal::RoundingStrategy::AwayFromZero;

/// What a value-out key cannot do that a person might expect of it, or can do
/// that it need not.
fn value_out_warnings(arguments: &Arguments, stated: &Stated) -> Vec<String> {
    let mut warnings = Vec::new();
    if !stated.rights.has(Right::Withdrawals) {
        warnings.push(
            "the venue does not let this key withdraw: allow it there (Binance asks for an \
             address restriction first), then revoke this key here and add it again"
                .to_owned(),
        );
    }
    if arguments.destinations.is_empty() {
        warnings.push(
            "no destination is listed, so nothing leaves by this key; revoke it and add it again \
             with --destination to change that"
                .to_owned(),
        );
    }
    if stated.known && stated.rights.has(Right::SpotMarginTrading) {
        warnings.push(
            "this key may trade as well; a key of its own for withdrawals is safer".to_owned(),
        );
    }
    warnings
}

/// `unknown_accounts`: those that a running gateway does not know; none where
/// none runs.
fn answer(
    context: &Context,
    arguments: &Arguments,
    added: &Added,
    unknown_accounts: Option<&[String]>,
) -> Answer {
    let output = context.output;
    let rights: Vec<&str> = added.stated.rights.names().collect();
    let mut warnings = Vec::new();
    if !added.stated.known {
        warnings
            .push("the venue cannot tell what this key may do: every right is assumed".to_owned());
    }
    let wide = added.stated.moves_value();
    if !wide.is_empty() && arguments.class != Class::ValueOut {
        warnings.push(format!(
            "this key can move value at the venue ({}): the signer refuses such texts, the venue \
             would not",
            wide.join(", ")
        ));
    }
    if arguments.class == Class::ValueOut {
        warnings.extend(value_out_warnings(arguments, &added.stated));
    }
    if added.stated.address_restricted == Some(false) {
        warnings.push(
            "the venue takes this key from any address: restrict it to the egress address below"
                .to_owned(),
        );
    }
    if unknown_accounts.is_some_and(|unknown| unknown.contains(&arguments.account)) {
        warnings.push(format!(
            "the running gateway does not know account `{}` yet: restart `countersign serve`",
            arguments.account
        ));
    }
    let pairs = indistinguishable(Reach::everywhere(added.stated.rights));
    let pairs: Vec<String> = pairs
        .iter()
        .map(|pair| format!("{} reads as {}", pair.asked.name, pair.worse.name))
        .collect();
    let mut text =
        format!("key `{}` is sealed for account `{}`\n", added.key.name, arguments.account);
    let _ = writeln!(text, "  rights at the venue  {}", rights.join(", "));
    for line in &added.ceiling {
        let _ = writeln!(text, "  ceiling              {line}");
    }
    for warning in &warnings {
        let _ = writeln!(text, "  {}              {warning}", output.bad("WARNING"));
    }
    match pairs.len() {
        0 => {
            let _ = writeln!(text, "  indistinguishable    nothing worse than an order");
        }
        count => {
            let _ = writeln!(
                text,
                "  indistinguishable    {count} requests whose signature would also be good for \
                 something worse; the signer refuses them:"
            );
            for pair in pairs.iter().take(12) {
                let _ = writeln!(text, "                       {pair}");
            }
            if count > 12 {
                let _ = writeln!(text, "                       ... all of them with --json");
            }
        }
    }
    let local = added.local_address.as_deref().unwrap_or("unknown");
    let _ = writeln!(
        text,
        "  egress address       {local} as this machine sees it; behind a router the venue sees \
         the router's public address: allow that one"
    );
    let preset = match arguments.class {
        Class::ValueOut => {
            let withdraw = arguments.destinations.first().map_or(destination::FORM, String::as_str);
            format!("treasury --account {} --withdraw {withdraw}", arguments.account)
        }
        Class::Read | Class::Trade => format!(
            "market-maker --account {} --market {}",
            arguments.account,
            arguments.markets.first().map_or("BTCUSDT", String::as_str)
        ),
    };
    let _ = write!(text, "next: `countersign bot add NAME --preset {preset}`");
    let json = json!({
        "key": added.key.name,
        "account": arguments.account,
        "class": added.key.class.name(),
        "api_key": added.key.api_key,
        "rights": rights,
        "rights_known": added.stated.known,
        "address_restricted": added.stated.address_restricted,
        "ceiling": added.ceiling,
        "indistinguishable": pairs,
        "egress_addresses": added.local_address.iter().collect::<Vec<_>>(),
        "egress_behind_nat": "unknown",
        "warnings": warnings,
        "in_use": unknown_accounts.is_some_and(|unknown| !unknown.contains(&arguments.account)),
    });
    Answer::yes(json, text)
}

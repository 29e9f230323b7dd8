//! `bot add`: a virtual key, a policy in the configuration, a snippet.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;
use vault::protocol::control::Scheme;
use vault::venue::Venue;
use zeroize::Zeroizing;

use super::super::config_edit::ConfigEdit;
use super::super::destination::{self, CapNames, Listed};
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::{Settings, check_name};
use crate::snippet::{Client, Filling};
use crate::venue::{example_market, title};
use crate::virtual_key::{BotScheme, VirtualKey};

/// What a bot may do, in outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Preset {
    /// Reads only
    ReadOnly,
    /// Market and crossing limit orders within limits and collar
    Taker,
    /// Resting orders, amended and cancelled often
    MarketMaker,
    /// Withdrawals to listed destinations within caps; no orders
    Treasury,
}

impl Preset {
    const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Taker => "taker",
            Self::MarketMaker => "market-maker",
            Self::Treasury => "treasury",
        }
    }

    const fn trades(self) -> bool {
        matches!(self, Self::Taker | Self::MarketMaker)
    }
}

/// Arguments of `bot add`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The bot's name
    name: String,
    /// What it may do, in outline
    #[arg(long, value_enum)]
    preset: Preset,
    /// The account whose keys sign for it
    #[arg(long, default_value = "main")]
    account: String,
    /// A market it may trade (`BTCUSDT`); repeat for more
    #[arg(long = "market", value_name = "MARKET")]
    markets: Vec<String>,
    /// An address range its requests come from; repeat for more
    #[arg(long = "from", value_name = "RANGE", default_values = ["127.0.0.1/32", "::1/128"])]
    from: Vec<String>,
    /// observe: let through and note what would be denied; enforce: deny
    #[arg(long, default_value = "enforce", value_parser = ["observe", "enforce"])]
    mode: String,
    /// Largest order, in the quote asset's USD value
    #[arg(long, value_name = "USD", default_value = "1000")]
    max_order_notional: String,
    /// Most notional per hour, USD
    #[arg(long, value_name = "USD", default_value = "100000")]
    max_notional_per_hour: String,
    /// Most orders per second
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_orders_per_second: u32,
    /// Most open orders
    #[arg(long, value_name = "N", default_value_t = 50)]
    max_open_orders: u32,
    /// Furthest an order's price may be from the reference price, basis points
    #[arg(long, value_name = "BPS", default_value_t = 200)]
    collar_bps: u32,
    /// Oldest reference price an order is judged by, ms
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    reference_max_age_ms: u32,
    /// When it may place orders or withdraw, UTC (`08:00-20:00`; past midnight too)
    #[arg(long, value_name = "HH:MM-HH:MM")]
    hours: Option<String>,
    /// Where a treasury bot may withdraw to; repeat for more
    #[arg(long = "withdraw", value_name = destination::FORM)]
    withdraw: Vec<String>,
    /// Most of an asset that it withdraws at once; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    withdraw_max_per_request: Vec<String>,
    /// Most of an asset that it withdraws in 24 h; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    withdraw_max_per_day: Vec<String>,
    /// The destinations were in use before: their first withdrawals are not held for being new
    #[arg(long)]
    withdraw_known: bool,
    /// The most that it may lose in a UTC day, USD; over it the bot is suspended
    #[arg(long, value_name = "USD")]
    max_drawdown_per_day: Option<String>,
    /// How it signs: an HMAC secret, or a private key that the gateway never holds
    #[arg(long, value_enum, default_value = "hmac")]
    scheme: BotScheme,
    /// The bot's public key (PEM), where it made its private key itself
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Only the snippet of this client library; repeat for more (default: all)
    #[arg(long = "client", value_enum)]
    clients: Vec<Client>,
}

/// Writes the key and the policy; prints the key once.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    check(arguments)?;
    let destinations = destinations(arguments)?;
    let settings = Settings::read(&context.config)?;
    let Some(venue) = settings.venue_of(&arguments.account) else {
        return Err(Failure::misuse(format!("there is no account `{}`", arguments.account)).next(
            format!(
                "add a key to it: `countersign key add VENUE NAME --account {}`",
                arguments.account
            ),
        ));
    };
    if arguments.scheme != BotScheme::Hmac && !venue.has(Scheme::Ed25519) {
        return Err(Failure::misuse(format!("{} has no keys but HMAC", title(venue)))
            .next("leave --scheme out"));
    }
    let clients = clients(venue, arguments)?;
    if settings.bots.contains_key(&arguments.name) {
        return Err(Failure::misuse(format!("there is a bot `{}` already", arguments.name))
            .next("choose another name, or revoke it first"));
    }
    let mut edit = ConfigEdit::open(&settings)?;
    edit.add_bot(&arguments.name, table(arguments, &destinations))?;
    let (key, secret) = virtual_key(arguments)?;
    // The key first: a policy without a key denies, a key without a policy
    // would have to.
    key.write(&settings.data_dir)?;
    edit.save()?;
    let reloaded = crate::command::admin::reload_bots(&settings)?;
    let warnings = warnings(&settings, venue, arguments);
    let shown = Shown {
        key: &key,
        secret: secret.as_deref().map(String::as_str),
        venue,
        clients: &clients,
        reloaded,
    };
    Ok(answer(context, &settings, arguments, &shown, &warnings))
}

/// The client libraries whose snippets are printed.
fn clients(venue: Venue, arguments: &Arguments) -> Result<Vec<Client>, Failure> {
    let mut wanted = arguments.clients.clone();
    if wanted.is_empty() {
        wanted = Client::ALL.into_iter().filter(|client| client.trades_at(venue)).collect();
    }
    if let Some(client) = wanted.iter().find(|client| !client.trades_at(venue)) {
        return Err(Failure::misuse(format!(
            "there is no snippet of {} for {}",
            client.name(),
            title(venue)
        ))
        .next("leave --client out to see those that there are"));
    }
    // The others take a private key in another way than a secret.
    let private = arguments.public_key.is_some() || arguments.scheme != BotScheme::Hmac;
    wanted.retain(|client| !private || client.takes_private_keys());
    Ok(wanted)
}

/// A fresh key and what the bot signs with; nothing of that where it has its
/// own private key.
fn virtual_key(arguments: &Arguments) -> Result<(VirtualKey, Option<Zeroizing<String>>), Failure> {
    let Some(path) = &arguments.public_key else {
        let (key, secret) = VirtualKey::generate(&arguments.name, arguments.scheme)?;
        return Ok((key, Some(secret)));
    };
    let pem = crate::secret::from_file(path)?;
    let key = VirtualKey::of_public(&arguments.name, &String::from_utf8_lossy(&pem))?;
    let wanted = match arguments.scheme {
        BotScheme::Hmac => None,
        BotScheme::Ed25519 => Some("ed25519"),
        BotScheme::Rsa => Some("rsa"),
    };
    match (wanted, key.scheme.as_deref()) {
        (Some(wanted), Some(found)) if wanted != found => {
            Err(Failure::misuse(format!("the public key is of the scheme {found}, not {wanted}"))
                .next("leave --scheme out, or give the other key"))
        }
        _ => Ok((key, None)),
    }
}

/// What is shown of a key, once.
struct Shown<'a> {
    key: &'a VirtualKey,
    /// What the bot signs with; none where only the bot has it.
    secret: Option<&'a str>,
    venue: Venue,
    clients: &'a [Client],
    /// Whether a running gateway took it up.
    reloaded: bool,
}

fn check(arguments: &Arguments) -> Result<(), Failure> {
    check_name("bot", &arguments.name)?;
    check_name("account", &arguments.account)?;
    if arguments.preset.trades() && arguments.markets.is_empty() {
        return Err(Failure::misuse("a bot that trades needs a market")
            .next("name it with --market, for example --market BTCUSDT"));
    }
    for market in &arguments.markets {
        // A futures market is marked; WOO X joins the parts of a name.
        let (_, symbol) = wire::model::Product::of(market);
        let letter = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let fine = !symbol.is_empty()
            && symbol.len() <= wire::limits::WOOX_SYMBOL_BYTES
            && symbol.bytes().all(letter);
        if !fine {
            return Err(Failure::misuse(format!("`{market}` is not a market")).next(
                "write it as the venue does: BTCUSDT, UM/BTCUSDT for futures, SPOT_BTC_USDT",
            ));
        }
    }
    if let Some(hours) = &arguments.hours {
        judge::policy::config::Hours::parse(hours)
            .map_err(|what| Failure::misuse(what).next("for example --hours 08:00-20:00"))?;
        if arguments.preset == Preset::ReadOnly {
            return Err(
                Failure::misuse("a bot that only reads has no hours").next("leave --hours out")
            );
        }
    }
    for range in &arguments.from {
        range.parse::<ipnet::IpNet>().map_err(|_| {
            Failure::misuse(format!("`{range}` is not an address range"))
                .next("write it with its length, for example 10.1.2.3/32")
        })?;
    }
    for number in [&arguments.max_order_notional, &arguments.max_notional_per_hour] {
        let positive =
            number.parse::<wire::model::Decimal>().is_ok_and(|value| value.is_sign_positive());
        if !positive {
            return Err(Failure::misuse(format!("`{number}` is not an amount"))
                .next("write a positive decimal number, for example 1000"));
        }
    }
    Ok(())
}

/// Where a treasury bot may withdraw to.
fn destinations(arguments: &Arguments) -> Result<Vec<Listed>, Failure> {
    let any =
        [&arguments.withdraw, &arguments.withdraw_max_per_request, &arguments.withdraw_max_per_day];
    if arguments.preset != Preset::Treasury && any.iter().any(|list| !list.is_empty()) {
        return Err(Failure::misuse(format!(
            "a bot with preset `{}` never withdraws",
            arguments.preset.name()
        ))
        .next("give withdrawals to a bot of their own, with --preset treasury"));
    }
    destination::read(
        &arguments.withdraw,
        &arguments.withdraw_max_per_request,
        &arguments.withdraw_max_per_day,
        CapNames { per_request: "--withdraw-max-per-request", per_day: "--withdraw-max-per-day" },
    )
}

/// What a treasury bot still lacks.
fn warnings(settings: &Settings, venue: Venue, arguments: &Arguments) -> Vec<String> {
    let mut warnings = Vec::new();
    if arguments.preset != Preset::Treasury {
        return warnings;
    }
    if arguments.withdraw.is_empty() {
        warnings.push("it can withdraw nowhere; list destinations with --withdraw".to_owned());
    }
    if settings.key_of(&arguments.account, "value_out").is_none() {
        warnings.push(format!(
            "account `{}` has no key that withdraws; add one with `countersign key add {} \
             NAME --class value-out --account {} --destination {}`",
            arguments.account,
            venue.name(),
            arguments.account,
            destination::FORM
        ));
    }
    warnings
}

fn table(arguments: &Arguments, destinations: &[Listed]) -> toml_edit::Table {
    let mut table = toml_edit::Table::new();
    let list = |items: &[String]| {
        toml_edit::value(items.iter().map(String::as_str).collect::<toml_edit::Array>())
    };
    table.insert("account", toml_edit::value(&arguments.account));
    table.insert("preset", toml_edit::value(arguments.preset.name()));
    table.insert("mode", toml_edit::value(&arguments.mode));
    table.insert("from", list(&arguments.from));
    if arguments.preset.trades() {
        table.insert("markets", list(&arguments.markets));
        table.insert("max_order_notional", toml_edit::value(&arguments.max_order_notional));
        table.insert("max_notional_per_hour", toml_edit::value(&arguments.max_notional_per_hour));
        table.insert(
            "max_orders_per_second",
            toml_edit::value(i64::from(arguments.max_orders_per_second)),
        );
        table.insert("max_open_orders", toml_edit::value(i64::from(arguments.max_open_orders)));
        table.insert("collar_bps", toml_edit::value(i64::from(arguments.collar_bps)));
        table.insert(
            "reference_max_age_ms",
            toml_edit::value(i64::from(arguments.reference_max_age_ms)),
        );
    }
    if let Some(hours) = &arguments.hours {
        table.insert("hours", toml_edit::value(hours));
    }
    if let Some(limit) = &arguments.max_drawdown_per_day {
        table.insert("max_drawdown_per_day", toml_edit::value(limit));
    }
    if !destinations.is_empty() {
        let known = arguments.withdraw_known;
        let tables: toml_edit::ArrayOfTables =
            destinations.iter().map(|listed| withdraw_table(listed, known)).collect();
        table.insert("withdraw", toml_edit::Item::ArrayOfTables(tables));
    }
    table
}

fn withdraw_table(listed: &Listed, known: bool) -> toml_edit::Table {
    let mut table = toml_edit::Table::new();
    table.insert("asset", toml_edit::value(&listed.asset));
    table.insert("network", toml_edit::value(&listed.network));
    table.insert("address", toml_edit::value(&listed.address));
    if let Some(memo) = &listed.memo {
        table.insert("memo", toml_edit::value(memo));
    }
    if known {
        table.insert("known", toml_edit::value(true));
    }
    table.insert("max_per_request", toml_edit::value(listed.per_request.to_string()));
    table.insert("max_per_day", toml_edit::value(listed.per_day.to_string()));
    table
}

fn answer(
    context: &Context,
    settings: &Settings,
    arguments: &Arguments,
    &Shown { key, secret, venue, clients, reloaded }: &Shown<'_>,
    warnings: &[String],
) -> Answer {
    let output = context.output;
    let url = settings.bot_url(venue);
    // One line in every language of the snippets.
    let in_snippet = secret.unwrap_or("YOUR PRIVATE KEY IN PEM").trim_end().replace('\n', "\\n");
    let filling = Filling {
        url: &url,
        api_key: &key.api_key,
        secret: &in_snippet,
        venue,
        market: arguments.markets.first().map_or(example_market(venue), String::as_str),
    };
    let snippets: serde_json::Map<String, serde_json::Value> = clients
        .iter()
        .map(|client| (client.name().to_owned(), client.snippet(filling).into()))
        .collect();
    let mut text = String::new();
    let _ = writeln!(text, "bot `{}` has a virtual key, shown this once:", arguments.name);
    let _ = writeln!(text, "  API key  {}", output.strong(&key.api_key));
    match secret {
        Some(pem) if key.public_key.is_some() => {
            let _ = writeln!(text, "  private key\n{}", output.strong(pem.trim_end()));
        }
        Some(secret) => {
            let _ = writeln!(text, "  secret   {}", output.strong(secret));
        }
        None => {
            let _ = writeln!(text, "  it signs with its own private key");
        }
    }
    let _ = writeln!(text, "  base URL {url}");
    for client in clients {
        let _ = writeln!(text, "\n{}", output.strong(&format!("--- {}", client.name())));
        text.push_str(&client.snippet(filling));
    }
    for warning in warnings {
        let _ = writeln!(text, "\n{} {warning}", output.bad("WARNING"));
    }
    let state = if reloaded {
        "the running gateway knows it"
    } else {
        "next: `countersign serve` (it is not running)"
    };
    let _ = write!(
        text,
        "\nits policy is [bot.{}] in `{}`; {state}",
        arguments.name,
        settings.config_path.display()
    );
    let json = json!({
        "bot": arguments.name,
        "account": arguments.account,
        "preset": arguments.preset.name(),
        "api_key": key.api_key,
        "scheme": key.scheme.as_deref().unwrap_or("hmac"),
        "secret": secret,
        "public_key": key.public_key,
        "url": url,
        "snippets": snippets,
        "reloaded": reloaded,
        "warnings": warnings,
    });
    Answer::yes(json, text)
}

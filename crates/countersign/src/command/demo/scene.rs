//! What happens: the bot trades; then somebody who has the bot's key tries
//! what the Kronos thief did, and more.

use std::net::{IpAddr, Ipv4Addr};

use rust_decimal::Decimal;

use super::bot::{Bot, Reply};
use super::report::{Refusal, Report};
use super::stage::{MARKET, Stage};
use crate::failure::Failure;
use crate::output::Output;

/// The bot's day: a taker order, a maker order, a cancel.
pub(super) fn trade(stage: &Stage, output: Output, report: &mut Report) -> Result<(), Failure> {
    output
        .say(&format!("\n{}", output.strong("The bot trades, with a key worth nothing elsewhere")));
    let bot = Bot::new(&stage.url, &stage.api_key, &stage.secret)?;
    let mid = mid_price(&bot)?;
    let price = near(mid, 20);
    let buy =
        format!("symbol={MARKET}&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price={price}");
    order(&bot, output, report, "buys 0.001 BTC", &buy)?;
    let price = near(mid, -50);
    let rest = format!(
        "symbol={MARKET}&side=BUY&type=LIMIT_MAKER&quantity=0.002&price={price}&newClientOrderId=demo-1&newOrderRespType=RESULT"
    );
    order(&bot, output, report, &format!("bids for 0.002 BTC at {price}"), &rest)?;
    let cancel = format!("symbol={MARKET}&origClientOrderId=demo-1");
    let reply = bot.signed("DELETE", "/api/v3/order", &cancel)?;
    line(output, reply.accepted(), "cancels the bid", &said(&reply, "status"));
    report.expect(reply.accepted(), "the cancel was refused");
    let sell = format!(
        "symbol={MARKET}&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.001&price={}",
        near(mid, -20)
    );
    order(&bot, output, report, "sells 0.001 BTC", &sell)
}

fn order(
    bot: &Bot,
    output: Output,
    report: &mut Report,
    what: &str,
    text: &str,
) -> Result<(), Failure> {
    let reply = bot.signed("POST", "/api/v3/order", text)?;
    if reply.accepted() {
        report.orders_accepted += 1;
        report.orders_filled += u64::from(reply.text("status") == "FILLED");
    }
    report.expect(reply.accepted(), &format!("the order was refused: {}", reply.message()));
    line(output, reply.accepted(), what, &said(&reply, "status"));
    Ok(())
}

/// Somebody has the bot's key and secret.
pub(super) fn attack(stage: &Stage, output: Output, report: &mut Report) -> Result<(), Failure> {
    output.say(&format!("\n{}", output.strong("Somebody has stolen the bot's key and secret")));
    let thief = Bot::new(&stage.url, &stage.api_key, &stage.secret)?;
    let mid = mid_price(&thief)?;
    let out = |amount: &str| {
        format!(
            "coin=USDT&network=ETH&address=0x{}&amount={amount}&name=out",
            "2b08d9f2f9f2a5d2c7f1a6d0c1b9d4e8a7f60011"
        )
    };
    // As at Kronos Research on 18 November 2023: a probe, then the money.
    for (case, amount, what) in [
        ("withdrawal-probe", "72", "withdraws a probe of 72 USDT"),
        ("withdrawal", "2400000", "withdraws 2.4M USDT a quarter of an hour later"),
    ] {
        let reply = thief.signed("POST", "/sapi/v1/capital/withdraw/apply", &out(amount))?;
        refused(output, report, case, what, &reply);
    }
    let large = format!(
        "symbol={MARKET}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=5&price={}",
        near(mid, -10)
    );
    let reply = thief.signed("POST", "/api/v3/order", &large)?;
    refused(output, report, "over-limit", "orders 5 BTC; the limit is 1,000 USD", &reply);
    let far = format!(
        "symbol={MARKET}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.005&price={}",
        near(mid, 1_500)
    );
    let reply = thief.signed("POST", "/api/v3/order", &far)?;
    refused(output, report, "outside-collar", "pays 15 % over the market", &reply);
    let good = format!(
        "symbol={MARKET}&side=BUY&type=LIMIT_MAKER&quantity=0.001&price={}",
        near(mid, -60)
    );
    let signed = thief.sign(&good);
    let first = thief.send_signed("POST", "/api/v3/order", &signed)?;
    report.orders_accepted += u64::from(first.accepted());
    let reply = thief.send_signed("POST", "/api/v3/order", &signed)?;
    refused(output, report, "replay", "sends one of the bot's own orders again", &reply);
    let elsewhere = Bot::new(&stage.url, &stage.api_key, &stage.secret)?
        .at_address(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)));
    let reply = elsewhere.signed("GET", "/api/v3/account", "")?;
    refused(output, report, "wrong-address", "asks for balances from another address", &reply);
    let twice = format!(
        "symbol={MARKET}&side=BUY&type=LIMIT_MAKER&quantity=0.001&price={}&quantity=3",
        near(mid, -60)
    );
    let reply = thief.signed("POST", "/api/v3/order", &twice)?;
    refused(output, report, "duplicate-parameter", "smuggles a second quantity", &reply);
    at_the_venue(stage, output, report)
}

/// The virtual key at the venue itself.
fn at_the_venue(stage: &Stage, output: Output, report: &mut Report) -> Result<(), Failure> {
    let direct = Bot::new(&stage.venue.base_url(), &stage.api_key, &stage.secret)?;
    let reply = direct.signed("GET", "/api/v3/account", "")?;
    report.stolen_key_refused = !reply.accepted();
    line(
        output,
        !reply.accepted(),
        "goes to the venue directly with it",
        &format!("the venue: {}", complaint(&reply)),
    );
    Ok(())
}

fn refused(output: Output, report: &mut Report, case: &'static str, what: &str, reply: &Reply) {
    let refused = !reply.accepted() && reply.code().is_some();
    line(output, refused, what, &complaint(reply));
    let reason = reply.message().to_owned();
    report.refusals.push(Refusal { case, refused, reason, code: reply.code() });
}

fn line(output: Output, held: bool, what: &str, said: &str) {
    let mark = if held { output.good("ok") } else { output.bad("!!") };
    output.say(&format!("  {mark} {what:<48} {}", output.faint(said)));
}

fn said(reply: &Reply, member: &str) -> String {
    if reply.accepted() { reply.text(member).to_owned() } else { complaint(reply) }
}

fn complaint(reply: &Reply) -> String {
    reply.code().map_or_else(
        || format!("status {}", reply.status),
        |code| format!("{code} {}", reply.message()),
    )
}

fn mid_price(bot: &Bot) -> Result<Decimal, Failure> {
    let reply = bot.public(&format!("/api/v3/ticker/bookTicker?symbol={MARKET}"))?;
    let price = |name: &str| reply.text(name).parse::<Decimal>().ok();
    price("bidPrice")
        .zip(price("askPrice"))
        .and_then(|(bid, ask)| bid.checked_add(ask)?.checked_div(Decimal::TWO))
        .ok_or_else(|| Failure::negative(format!("no market price: {}", complaint(&reply))))
}

/// A price so many basis points from this one, in the market's ticks.
fn near(price: Decimal, bps: i64) -> Decimal {
    let factor = Decimal::new(10_000 + bps, 4);
    price.checked_mul(factor).unwrap_or(price).round_dp(2)
}

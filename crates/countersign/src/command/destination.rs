//! Where value may go and how much of it, as arguments say it:
//! `ASSET:NETWORK:ADDRESS[:MEMO]` beside `ASSET=AMOUNT` caps.

use wire::model::Decimal;

use crate::failure::Failure;

/// How a destination is written.
pub(crate) const FORM: &str = "ASSET:NETWORK:ADDRESS[:MEMO]";
/// Longest address or memo, bytes.
const ADDRESS_BYTES: usize = judge::bounds::ADDRESS_BYTES;
/// Decimal places of a cap: those of a limit in the configuration.
const PLACES: u32 = 6;

/// One destination with the caps of its asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) asset: String,
    pub(crate) network: String,
    pub(crate) address: String,
    pub(crate) memo: Option<String>,
    /// Largest amount of one request, asset units.
    pub(crate) per_request: Decimal,
    /// Largest sum of 24 hours over all destinations of the asset, asset units.
    pub(crate) per_day: Decimal,
}

/// The names that the caps' arguments have, for errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapNames {
    pub(crate) per_request: &'static str,
    pub(crate) per_day: &'static str,
}

/// Reads destinations and their caps. Every asset needs both caps, and a cap
/// needs a destination: one without would be a slip of the hand.
///
/// # Errors
/// Misuse that names the argument and what it should look like.
pub(crate) fn read(
    destinations: &[String],
    per_request: &[String],
    per_day: &[String],
    names: CapNames,
) -> Result<Vec<Listed>, Failure> {
    let requests = caps(per_request, names.per_request)?;
    let days = caps(per_day, names.per_day)?;
    let mut listed: Vec<Listed> = Vec::with_capacity(destinations.len());
    for text in destinations {
        let (asset, network, address, memo) = parts(text)?;
        let cap = |caps: &[(String, Decimal)], name: &str| {
            caps.iter().find(|(capped, _)| *capped == asset).map(|(_, cap)| *cap).ok_or_else(|| {
                Failure::misuse(format!("{asset} has a destination but no {name}"))
                    .next(format!("say how much may leave, for example {name} {asset}=100"))
            })
        };
        let one = Listed {
            per_request: cap(&requests, names.per_request)?,
            per_day: cap(&days, names.per_day)?,
            asset,
            network,
            address,
            memo,
        };
        if one.per_day < one.per_request {
            return Err(Failure::misuse(format!(
                "{}: {} in a day is less than {} in one request",
                one.asset, one.per_day, one.per_request
            ))
            .next(format!("raise {} or lower {}", names.per_day, names.per_request)));
        }
        if listed.contains(&one) {
            return Err(Failure::misuse(format!("`{text}` is listed twice"))
                .next("list every destination once"));
        }
        listed.push(one);
    }
    for (caps, name) in [(&requests, names.per_request), (&days, names.per_day)] {
        let idle = caps.iter().find(|(asset, _)| !listed.iter().any(|one| one.asset == *asset));
        if let Some((asset, cap)) = idle {
            return Err(Failure::misuse(format!("{name} {asset}={cap}: {asset} may go nowhere"))
                .next(format!("list where {asset} may go as {FORM}, or leave the cap out")));
        }
    }
    Ok(listed)
}

/// `ASSET:NETWORK:ADDRESS[:MEMO]`: the memo is everything behind the third
/// colon, so an address that has a colon itself cannot be written.
fn parts(text: &str) -> Result<(String, String, String, Option<String>), Failure> {
    let wrong = |what: &str| {
        Failure::misuse(format!("`{text}` is no destination: {what}")).next(format!(
            "write {FORM}, for example \
             USDT:ETH:0x71c7656ec7ab88b098defb751b7401b5f6d8976f"
        ))
    };
    let mut fields = text.splitn(4, ':');
    let (Some(asset), Some(network), Some(address)) = (fields.next(), fields.next(), fields.next())
    else {
        return Err(wrong("asset, network and address are all needed"));
    };
    let memo = fields.next();
    if !is_name(asset) {
        return Err(wrong("the asset is the venue's own name for it, such as USDT"));
    }
    if !is_name(network) {
        return Err(wrong("the network is the venue's own name for it, such as ETH or TRX"));
    }
    let printable = |part: &str| {
        !part.is_empty()
            && part.len() <= ADDRESS_BYTES
            && part.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !printable(address) {
        return Err(wrong("the address is missing, or has a space or an odd character"));
    }
    if !memo.is_none_or(printable) {
        return Err(wrong("the memo is empty, or has a space or an odd character"));
    }
    Ok((asset.to_owned(), network.to_owned(), address.to_owned(), memo.map(str::to_owned)))
}

/// `ASSET=AMOUNT`, each asset once.
///
/// # Errors
/// Misuse that names the argument and what it should look like.
pub(crate) fn caps(texts: &[String], name: &str) -> Result<Vec<(String, Decimal)>, Failure> {
    let mut caps: Vec<(String, Decimal)> = Vec::with_capacity(texts.len());
    for text in texts {
        let wrong = |what: &str| {
            Failure::misuse(format!("{name} `{text}`: {what}"))
                .next(format!("write ASSET=AMOUNT, for example {name} USDT=5000"))
        };
        let (asset, amount) =
            text.split_once('=').ok_or_else(|| wrong("asset and amount are needed"))?;
        if !is_name(asset) {
            return Err(wrong("the asset is the venue's own name for it, such as USDT"));
        }
        let plain = amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let amount = Decimal::from_str_exact(amount)
            .ok()
            .filter(|amount| plain && *amount > Decimal::ZERO)
            .ok_or_else(|| wrong("the amount is no plain decimal number over zero"))?;
        if amount.normalize().scale() > PLACES {
            return Err(wrong("the amount has more than six decimal places"));
        }
        if caps.iter().any(|(capped, _)| capped == asset) {
            return Err(wrong("this asset has a cap already"));
        }
        caps.push((asset.to_owned(), amount.normalize()));
    }
    Ok(caps)
}

/// The spelling of Binance's assets and networks.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= wire::limits::SYMBOL_BYTES
        && text.bytes().all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: CapNames = CapNames { per_request: "--max-per-request", per_day: "--max-per-day" };

    fn of(destinations: &[&str], request: &[&str], day: &[&str]) -> Result<Vec<Listed>, String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (destinations, request, day): (Vec<String>, Vec<String>, Vec<String>) =
            (owned(destinations), owned(request), owned(day));
        read(&destinations, &request, &day, NAMES).map_err(|failure| failure.to_string())
    }

    #[test]
    fn destinations_have_the_caps_of_their_asset() {
        let listed = of(
            &["USDT:ETH:0xaa", "USDT:TRX:Tb", "XRP:XRP:rC:4:2"],
            &["USDT=100.50", "XRP=5"],
            &["XRP=5", "USDT=200"],
        )
        .unwrap();
        assert_eq!(listed.len(), 3);
        assert_eq!(listed[1].network, "TRX");
        assert_eq!(listed[1].per_request, Decimal::new(1005, 1));
        assert_eq!(listed[1].per_day, Decimal::from(200));
        assert_eq!((listed[0].memo.as_deref(), listed[2].memo.as_deref()), (None, Some("4:2")));
        assert!(of(&[], &[], &[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let one = ["USDT:ETH:0xaa"];
        let cap = ["USDT=1"];
        for (destinations, request, day, says) in [
            (&["USDT:ETH"][..], &cap[..], &cap[..], "all needed"),
            (&["USDT::0xaa"], &cap, &cap, "the network"),
            (&["usdt:ETH:0xaa"], &cap, &cap, "the asset"),
            (&[":ETH:0xaa"], &cap, &cap, "the asset"),
            (&["USDT:ETH:"], &cap, &cap, "the address"),
            (&["USDT:ETH:0x aa"], &cap, &cap, "the address"),
            (&["USDT:ETH:0xaa:"], &cap, &cap, "the memo"),
            (&["USDT:ETH:0xaa", "USDT:ETH:0xaa"], &cap, &cap, "twice"),
            (&one, &[], &cap, "no --max-per-request"),
            (&one, &cap, &[], "no --max-per-day"),
            (&one, &["USDT=2"], &cap, "less than"),
            (&one, &["USDT"], &cap, "asset and amount"),
            (&one, &["USDT=1e3"], &cap, "plain decimal"),
            (&one, &["USDT=-1"], &cap, "plain decimal"),
            (&one, &["USDT=0"], &cap, "plain decimal"),
            (&one, &["USDT="], &cap, "plain decimal"),
            (&one, &["USDT=0.0000001"], &cap, "six decimal"),
            (&one, &["USDT=1", "USDT=2"], &cap, "a cap already"),
            (&one, &["USDT=1", "BTC=1"], &cap, "BTC may go nowhere"),
            (&[], &[], &cap, "may go nowhere"),
        ] {
            let error = of(destinations, request, day).unwrap_err();
            assert!(error.contains(says), "{destinations:?} {request:?} {day:?}: {error}");
        }
    }
}

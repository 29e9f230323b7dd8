use super::*;

const LEAST: &str = r#"
data_dir = "d"
[listen]
http = "127.0.0.1:0"
[venue.binance]
base_url = "https://api.binance.com"
[account.main]
venue = "binance"
keys = { trade = "t", read = "r" }
[bot.mm-1]
account = "main"
preset = "market-maker"
from = ["127.0.0.1/32", "local"]
"#;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/cs")).map_err(|error| error.to_string())
}

#[test]
fn the_least_configuration_reads() {
    let config = parse(LEAST).unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/cs/d"));
    assert_eq!(config.listen.workers, 1);
    let [(_, spot), (Host::UsdFutures, futures), ..] = &config.venues[0].hosts_at[..] else {
        panic!()
    };
    assert_eq!(
        (spot.host.as_str(), futures.host.as_str()),
        ("api.binance.com", "fapi.binance.com")
    );
    let bot = config.bots.get("mm-1").unwrap();
    assert_eq!(bot.policy.name, "mm-1");
    assert!(bot.may_come_from(Some("127.0.0.1".parse().unwrap())));
    assert!(bot.may_come_from(None));
    assert!(!bot.may_come_from(Some("127.0.0.2".parse().unwrap())));
}

#[test]
fn another_host_serves_every_path_itself() {
    let config = parse(&LEAST.replace("https://api.binance.com", "http://127.0.0.1:9000")).unwrap();
    for (_, url) in &config.venue(Venue::Binance).unwrap().hosts_at {
        assert_eq!(url.authority(), "127.0.0.1:9000");
    }
}

#[test]
fn two_venues_need_marks_of_their_own() {
    let woox = "[venue.woox]\nbase_url = \"https://api.woox.io\"\n";
    let prefix = |text: &str, name: &str| format!("{text}path_prefix = \"/{name}\"\n");
    let both = format!("{LEAST}\n{}", prefix(woox, "woox"));
    let error = parse(&both).unwrap_err();
    assert!(error.contains("venue.woox.path_prefix"), "{error}");
    let marked = both.replace("api.binance.com\"", "api.binance.com\"\npath_prefix = \"/binance\"");
    let config = parse(&marked).unwrap();
    let woox = config.venue(Venue::WooX).unwrap();
    assert_eq!(woox.hosts_at[1].1.host, "api-pub.woox.io");
    assert!(parse(&marked.replace("\"/woox\"", "\"/binance\"")).is_err());
}

/// What is replaced in the least configuration, by what, and what the error
/// must name.
const WRONG: [(&str, &str, &str); 16] = [
    ("base_url", "base_ulr", "base_ulr"),
    ("[listen]", "[lissen]", "lissen"),
    ("http = \"127.0.0.1:0\"", "htpp = \"127.0.0.1:0\"", "htpp"),
    ("http = \"127.0.0.1:0\"", "", "listen"),
    ("http = \"127.0.0.1:0\"", "http = \"localhost\"", "listen.http"),
    ("http = \"127.0.0.1:0\"", "http = \"127.0.0.1:0\"\nworkers = 0", "listen.workers"),
    ("http = \"127.0.0.1:0\"", "http = \"127.0.0.1:0\"\ncores = [0, 1]", "listen.cores"),
    ("https://api.binance.com", "ftp://api.binance.com", "venue.binance.base_url"),
    ("https://api.binance.com", "https://api.binance.com/api", "venue.binance.base_url"),
    ("https://api.binance.com", "https://me@api.binance.com", "venue.binance.base_url"),
    ("venue = \"binance\"", "venue = \"binnance\"", "account.main.venue"),
    ("trade = \"t\"", "trade = \"../t\"", "account.main.keys"),
    ("account = \"main\"", "account = \"man\"", "bot.mm-1.account"),
    ("preset = \"market-maker\"", "preset = \"mm\"", "market-maker"),
    ("preset = \"market-maker\"", "preset = \"taker\"\nmax_order = 1", "max_order"),
    ("\"127.0.0.1/32\"", "\"anywhere\"", "bot.mm-1.from"),
];

#[test]
fn what_is_wrong_is_named() {
    for (from, to, named) in WRONG {
        let text = LEAST.replace(from, to);
        assert_ne!(text, LEAST, "{from}");
        let error = parse(&text).unwrap_err();
        assert!(error.contains(named), "{to}: {error}");
    }
}

#[test]
fn a_prefix_must_be_one() {
    for prefix in ["binance", "/", "/a/", "/a b", "/a?b", "/%41"] {
        let text = LEAST.replace(
            "base_url = \"https://api.binance.com\"",
            &format!("base_url = \"https://api.binance.com\"\npath_prefix = \"{prefix}\""),
        );
        assert!(parse(&text).unwrap_err().contains("path_prefix"), "{prefix}");
    }
}

#[test]
fn the_supervisors_table_is_its_own() {
    assert!(parse(&format!("{LEAST}\n[supervisor]\nsigner_uid = 5\n")).is_ok());
}

#[test]
fn a_bot_that_is_bound_nowhere_is_bound_to_this_machine() {
    let config = parse(&LEAST.replace("from = [\"127.0.0.1/32\", \"local\"]", "")).unwrap();
    let bot = config.bots.get("mm-1").unwrap();
    assert!(bot.may_come_from(Some("127.0.0.1".parse().unwrap())));
    assert!(bot.may_come_from(Some("::1".parse().unwrap())));
    assert!(!bot.may_come_from(Some("10.0.0.1".parse().unwrap())));
}

#[test]
fn an_error_is_one_line_and_says_where() {
    let error = parse("data_dir = \"d\"\n\n[listen]\nhttp = 5\n").unwrap_err();
    assert!(error.contains("line 4") && !error.contains('\n'), "{error}");
}

#[test]
fn the_signer_sleeps_unless_it_is_told_to_poll() {
    let of = |table: &str| parse(&format!("{LEAST}\n{table}")).map(|config| config.signer_wait);
    assert_eq!(of(""), Ok(vault::signer::Wait::Block));
    assert_eq!(of("[signer]\nwait = \"block\"\n"), Ok(vault::signer::Wait::Block));
    assert_eq!(of("[signer]\nwait = \"poll\"\n"), Ok(vault::signer::Wait::Poll));
    assert!(of("[signer]\nwait = \"spin\"\n").unwrap_err().contains("signer.wait"));
}

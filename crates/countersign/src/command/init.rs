//! `countersign init`: configuration, data directory, sealed vault, log
//! identity.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use vault::venue::Venue;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::Settings;
use crate::supervisor::ground;

/// The configuration that `init` writes.
const TEMPLATE: &str = include_str!("init/countersign.toml");

/// Arguments of `init`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Where sealed keys, log and state are kept, relative to the configuration
    #[arg(long, value_name = "DIRECTORY", default_value = "countersign-data")]
    data_dir: PathBuf,
    /// The address that bots connect to
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    http: std::net::SocketAddr,
    /// A venue that bots trade at: `binance` or `woox`; repeat for more
    #[arg(long = "venue", value_parser = crate::venue::parse, default_value = "binance")]
    venues: Vec<Venue>,
    /// Where Binance is
    #[arg(long, value_name = "URL", default_value = "https://api.binance.com")]
    binance_url: String,
    /// Where WOO X is
    #[arg(long, value_name = "URL", default_value = "https://api.woox.io")]
    woox_url: String,
    #[command(flatten)]
    unseal: UnsealArguments,
}

/// Creates everything; refuses to touch what is there.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let config = &context.config;
    if config.exists() {
        return Err(Failure::misuse(format!("there is a `{}` already", config.display()))
            .next("use it, or name another file with --config"));
    }
    let text = configuration(arguments)?;
    let base = std::path::absolute(config).map_err(|e| Failure::file("find", config, e))?;
    let base = base.parent().unwrap_or_else(|| Path::new("/")).to_owned();
    let data_dir = base.join(&arguments.data_dir);
    if data_dir.join("vault").exists() {
        return Err(Failure::misuse(format!(
            "there is a vault in `{}` already",
            data_dir.display()
        ))
        .next("name another directory with --data-dir"));
    }
    // Asked before anything is written, so that nothing is left half made.
    let unsealer = arguments.unseal.read(true)?;
    write_new(config, &text)?;
    let made = Settings::read(config).and_then(|settings| {
        ground::prepare(&settings)?;
        warn("making the vault (deriving its key takes a second) ...");
        let vkey = crate::command::vault_make::make(&settings, &unsealer)?;
        // Once more, for the owners of what was just made.
        ground::prepare(&settings)?;
        Ok((settings, vkey))
    });
    let (settings, vkey) = made.inspect_err(|_| {
        // The vault is what was not made; the next try writes the file again.
        let _ = std::fs::remove_file(config);
    })?;
    let text = format!(
        "wrote {}\nmade  {} (vault, log)\nlog verifier key, keep it where this machine cannot \
         change it:\n  {}\nnext: `countersign key add {} NAME --class trade --market {}`",
        settings.config_path.display(),
        settings.data_dir.display(),
        context.output.strong(&vkey),
        arguments.first().name(),
        crate::venue::example_market(arguments.first()),
    );
    let json = json!({
        "config": settings.config_path,
        "data_dir": settings.data_dir,
        "log_verifier_key": vkey,
        "unseal": unsealer.kind(),
    });
    Ok(Answer::yes(json, text))
}

impl Arguments {
    /// The venue that examples are of.
    fn first(&self) -> Venue {
        self.venues.first().copied().unwrap_or(Venue::Binance)
    }

    fn url(&self, venue: Venue) -> &str {
        match venue {
            Venue::Binance => &self.binance_url,
            Venue::Woox => &self.woox_url,
        }
    }
}

/// The table of a venue.
fn venue_table(arguments: &Arguments, venue: Venue) -> Result<String, Failure> {
    let url = arguments.url(venue);
    if !(url.starts_with("https://") || url.starts_with("http://127.0.0.1")) {
        return Err(Failure::misuse(format!("`{url}` is not a venue's address"))
            .next("write it as https://HOST (plain http only for a paper venue on 127.0.0.1)"));
    }
    let name = venue.name();
    let (url, prefix) = (quoted(url), quoted(&format!("/{name}")));
    Ok(format!(
        "[venue.{name}]\n\
         base_url = {url}   # the host signed for is the host dialled\n\
         path_prefix = {prefix}         # bots reach the venue under this prefix\n\n"
    ))
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn configuration(arguments: &Arguments) -> Result<String, Failure> {
    let data_dir = arguments
        .data_dir
        .to_str()
        .ok_or_else(|| Failure::misuse("the data directory's name is not UTF-8"))?;
    let mut venues = arguments.venues.clone();
    venues.sort_by_key(|venue| venue.name());
    venues.dedup();
    let tables: Vec<String> =
        venues.into_iter().map(|venue| venue_table(arguments, venue)).collect::<Result<_, _>>()?;
    let first = arguments.first();
    Ok(TEMPLATE
        .replace("@DATA_DIR@", &quoted(data_dir))
        .replace("@HTTP@", &quoted(&arguments.http.to_string()))
        .replace("@VENUES@", &tables.concat())
        .replace("@VENUE@", first.name())
        .replace("@MARKET@", crate::venue::example_market(first)))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    written().map_err(|error| Failure::file("create", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(binance_url: &str) -> Arguments {
        Arguments {
            data_dir: "d".into(),
            http: "127.0.0.1:1".parse().unwrap(),
            venues: vec![Venue::Binance],
            binance_url: binance_url.into(),
            woox_url: "https://api.woox.io".into(),
            unseal: UnsealArguments::default(),
        }
    }

    #[test]
    fn the_template_parses_whatever_the_directory_is_called() {
        let arguments =
            Arguments { data_dir: "a \"b\"\\c".into(), ..arguments("https://api.binance.com") };
        let table: toml::Table = configuration(&arguments).unwrap().parse().unwrap();
        assert_eq!(table["data_dir"].as_str(), Some("a \"b\"\\c"));
    }

    #[test]
    fn a_venue_without_encryption_is_refused() {
        assert!(configuration(&arguments("http://api.binance.com")).is_err());
    }

    #[test]
    fn each_venue_has_a_prefix_of_its_own() {
        let venues = vec![Venue::Woox, Venue::Binance, Venue::Woox];
        let arguments = Arguments { venues, ..arguments("https://api.binance.com") };
        let text = configuration(&arguments).unwrap();
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["venue"]["binance"]["path_prefix"].as_str(), Some("/binance"));
        assert_eq!(table["venue"]["woox"]["path_prefix"].as_str(), Some("/woox"));
        assert!(text.contains("key add woox NAME"), "{text}");
        assert!(!text.contains('@'), "{text}");
    }
}

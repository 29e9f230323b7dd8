//! `venue list`.

use std::fmt::Write as _;

use serde_json::json;
use wire::venue::binance::{endpoints, listed};

use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `venue list`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// List the endpoints that are read in full
    #[arg(long)]
    endpoints: bool,
}

/// Counts from the tables that the gateway and the signer use.
pub(super) fn run(arguments: &Arguments) -> Result<Answer, Failure> {
    endpoints::check().map_err(Failure::negative)?;
    let all = endpoints::all().iter().filter(|endpoint| endpoint.listed).count();
    let unsourced = endpoints::unsourced_count();
    let served: Vec<_> = listed::all()
        .map(|endpoint| {
            json!({
                "endpoint": endpoint.name,
                "class": endpoint.class.name(),
                "effect": endpoint.effect.name(),
                "refused": matches!(endpoint.reading, listed::Reading::Refused),
            })
        })
        .collect();
    let refused = listed::all()
        .filter(|endpoint| matches!(endpoint.reading, listed::Reading::Refused))
        .count();
    let mut text = format!(
        "binance  spot REST: {} endpoints read in full, {refused} known and refused\n         \
         signer's collision table: {all} private endpoints, {unsourced} of them without a source \
         (refused, and not counted among what a text could mean)",
        served.len() - refused,
    );
    if arguments.endpoints {
        for endpoint in listed::all() {
            let _ = write!(text, "\n{:<18} {}", endpoint.class.name(), endpoint.name);
        }
    }
    let json = json!({ "venues": [{
        "venue": "binance",
        "surfaces": ["spot REST"],
        "read_in_full": served.len() - refused,
        "known_and_refused": refused,
        "collision_table": all,
        "unsourced": unsourced,
        "endpoints": if arguments.endpoints { served } else { Vec::new() },
    }]});
    Ok(Answer::yes(json, text))
}

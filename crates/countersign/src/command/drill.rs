//! `countersign drill`: incidents replayed against a configuration, on a clock
//! that is moved by hand.
//!
//! Reading order: [`record`] (an incident's file), [`firm`] (the configuration,
//! its judge and its signer), [`replay`] (unguarded and guarded), [`ordinary`]
//! (days without an incident), [`report`].

mod firm;
mod ordinary;
mod record;
mod replay;
mod report;
mod signature;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use firm::Setup;
use record::Incident;

/// The incidents that are part of the product.
const INCIDENTS: [(&str, &str); 9] = [
    ("kronos-2023", include_str!("../../../../incidents/2023-11-18-kronos-research.md")),
    ("coindcx-2025", include_str!("../../../../incidents/2025-07-19-coindcx.md")),
    ("woox-2025", include_str!("../../../../incidents/2025-07-24-woo-x.md")),
    ("ftx-dmg-2022", include_str!("../../../../incidents/2022-10-19-ftx-dmg.md")),
    ("binance-via-2018", include_str!("../../../../incidents/2018-03-07-binance-via.md")),
    ("bigone-2025", include_str!("../../../../incidents/2025-07-16-bigone.md")),
    ("kronos-insiders-2020", include_str!("../../../../incidents/2020-05-01-kronos-insiders.md")),
    ("leaked-trade-key-2021", include_str!("../../../../incidents/2021-04-18-leaked-trade-key.md")),
    ("gateway-taken-over", include_str!("../../../../incidents/2026-01-01-gateway-taken-over.md")),
];

/// What drills run against where no configuration is there.
const DEFAULTS: &str = include_str!("drill/configuration.toml");

/// Arguments of `drill`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// One incident that is part of the product
    #[arg(value_name = "NAME", conflicts_with_all = ["all", "file"])]
    name: Option<String>,
    /// Every one of them, and ordinary days
    #[arg(long)]
    all: bool,
    /// An incident's file (docs/incidents.md says how to write one)
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    file: Option<PathBuf>,
    /// The shipped presets instead of the configuration that is here
    #[arg(long)]
    defaults: bool,
    /// What chance depends on
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Replays; a loss over its bound, or a false halt, is a negative answer.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let setup = setup(context, arguments.defaults)?;
    let incidents = chosen(arguments)?;
    let mut drills = Vec::new();
    for incident in &incidents {
        warn(&format!("drill {}", incident.drill.name));
        drills.extend(replay::run(&setup, incident)?);
    }
    warn("ordinary days");
    let ordinary = ordinary::run(&setup, arguments.seed)?;
    let positive = drills.iter().all(replay::Drilled::holds) && ordinary.false_halts == 0;
    let text = report::table(&setup, &drills, &ordinary);
    let drills: Vec<_> = drills.iter().map(replay::Drilled::json).collect();
    let json = json!({ "drills": drills, "ordinary": ordinary.json() });
    Ok(Answer::verdict(positive, json, text))
}

fn setup(context: &Context, defaults: bool) -> Result<Setup, Failure> {
    let (text, of) = if defaults || !context.config.exists() {
        (DEFAULTS.to_owned(), "the shipped presets".to_owned())
    } else {
        let text = std::fs::read_to_string(&context.config)
            .map_err(|error| Failure::file("read", &context.config, error))?;
        (text, context.config.display().to_string())
    };
    let parent = context.config.parent().filter(|parent| !parent.as_os_str().is_empty());
    let base = parent.unwrap_or_else(|| Path::new("."));
    Setup::read(&text, base, of)
}

fn chosen(arguments: &Arguments) -> Result<Vec<Incident>, Failure> {
    if let Some(path) = &arguments.file {
        let length = std::fs::metadata(path).map_err(|e| Failure::file("read", path, e))?.len();
        if length > record::FILE_BYTES {
            return Err(Failure::negative(format!("`{}` is over its bound", path.display()))
                .next(format!("write at most {} bytes", record::FILE_BYTES)));
        }
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, e))?;
        let incident = Incident::read(&text).map_err(|error| {
            Failure::negative(format!("`{}` is no incident: {error}", path.display()))
                .next("see docs/incidents.md for the form")
        })?;
        return Ok(vec![incident]);
    }
    let known = || INCIDENTS.map(|(name, _)| name).join(", ");
    let texts: Vec<&str> = match (&arguments.name, arguments.all) {
        (Some(name), _) => {
            let found = INCIDENTS.iter().find(|(known, _)| known == name);
            let (_, text) = found.ok_or_else(|| {
                Failure::misuse(format!("there is no drill `{name}`"))
                    .next(format!("use one of {}", known()))
            })?;
            vec![text]
        }
        (None, true) => INCIDENTS.iter().map(|(_, text)| *text).collect(),
        (None, false) => {
            return Err(Failure::misuse("no drill is named")
                .next(format!("give --all, --file FILE, or one of {}", known())));
        }
    };
    texts
        .into_iter()
        .map(|text| Incident::read(text).map_err(|error| Failure::negative(error.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        Setup::read(DEFAULTS, Path::new("."), "defaults".to_owned()).unwrap()
    }

    fn drill(text: &str) -> replay::Drilled {
        replay::run(&setup(), &Incident::read(text).unwrap()).unwrap().remove(0)
    }

    #[test]
    fn every_incident_reads_under_its_name_and_holds_against_the_presets() {
        for (name, text) in INCIDENTS {
            let incident = Incident::read(text).unwrap();
            assert_eq!(incident.drill.name, name);
            let drilled = drill(text);
            assert!(drilled.holds(), "{name}: {drilled:?}");
            // An unguarded run comes near what happened, or it proves nothing.
            let actual = incident.drill.actual_loss_usd;
            let unguarded = drilled.unguarded_loss_usd;
            assert!(unguarded * 100 >= actual * 95 && unguarded * 100 <= actual * 105, "{name}");
            assert!(drilled.guarded_loss_usd < unguarded, "{name}: {drilled:?}");
        }
    }

    #[test]
    fn kronos_loses_its_probe_and_no_more() {
        let drilled = drill(INCIDENTS[0].1);
        assert_eq!(drilled.guarded_loss_usd, 72);
        assert_eq!(drilled.stopped_by.as_deref(), Some("test_then_full"));
        assert_eq!((drilled.requests_to_stop, drilled.seconds_to_stop), (Some(2), Some(900)));
    }

    /// A drill that cannot fail proves nothing.
    #[test]
    fn without_detectors_the_same_drill_fails() {
        let text = format!("{DEFAULTS}\n[detect]\nenabled = false\n");
        let setup = Setup::read(&text, Path::new("."), "no detectors".to_owned()).unwrap();
        let kronos = Incident::read(INCIDENTS[0].1).unwrap();
        let drilled = replay::run(&setup, &kronos).unwrap().remove(0);
        assert!(!drilled.holds(), "{drilled:?}");
        assert!(drilled.guarded_loss_usd > 1_000_000, "{drilled:?}");
    }

    /// Whatever its parameters; which ones it leaves out, docs/incidents.md says.
    #[test]
    fn a_generated_theft_stays_within_its_bound() {
        let setup = setup();
        let form = INCIDENTS[1].1;
        let (head, _) = form.split_once("```drill").unwrap();
        for seed in 0_u64..48 {
            let capability = ["treasury-host", "policy-push", "gateway-process"]
                [usize::try_from(seed % 3).unwrap()];
            let own = seed / 3 % 2 == 0;
            let (to, fan_out) = if own { ("own", 1) } else { ("new", 1 + seed % 7) };
            let (probes, probe, gap) = (1 + seed % 3, 1 + seed * 2, 600 + seed * 1_500);
            let (burst, total) = (1 + seed * 7 % 29, 2_000_000 + seed * 900_000);
            let text = format!(
                "{head}```drill\nname = \"generated-{seed}\"\ncapability = \"{capability}\"\n\
                 role = \"treasury\"\nstart = \"2025-03-04T02:00:00Z\"\n\
                 actual_loss_usd = {total}\n[[signature]]\nseed = {seed}\nasset = \"USDT\"\n\
                 probes = {probes}\nprobe_amount = \"{probe}\"\ngap_s = {gap}\n\
                 burst = {burst}\nburst_total = \"{total}\"\nburst_s = {}\n\
                 to = \"{to}\"\nfan_out = {fan_out}\n```\n",
                seed * 300
            );
            let incident = Incident::read(&text).unwrap();
            let drilled = replay::run(&setup, &incident).unwrap().remove(0);
            assert!(drilled.holds(), "seed {seed}: {drilled:?}");
            assert_eq!(drilled.unguarded_loss_usd, total + probes * probe, "seed {seed}");
        }
    }

    #[test]
    fn detectors_stop_a_bot_that_may_trade_the_thiefs_market() {
        for text in [INCIDENTS[3].1, INCIDENTS[4].1] {
            let drilled = replay::run(&setup(), &Incident::read(text).unwrap()).unwrap();
            assert_eq!(drilled.len(), 2);
            assert!(drilled[1].holds(), "{drilled:?}");
            assert_ne!(drilled[1].stopped_by.as_deref(), Some("markets"));
            assert!(drilled[1].loss_without_detectors_usd > drilled[1].bound_usd, "{drilled:?}");
        }
    }

    #[test]
    fn ordinary_days_are_quiet_and_the_same_for_the_same_seed() {
        let days = ordinary::run(&setup(), 7).unwrap();
        assert!(days.bot_days >= 100, "{days:?}");
        assert_eq!(days.false_halts, 0, "{days:?}");
        assert!(days.false_holds * 100 <= days.bot_days, "{days:?}");
        assert!(days.treasury_usd_moved >= 5_000_000 * 10, "{days:?}");
        assert_eq!(days, ordinary::run(&setup(), 7).unwrap());
    }
}

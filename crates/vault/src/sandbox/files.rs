//! Files, TCP ports and signals, by Landlock.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::{Network, SandboxError, SandboxReport};

/// The rules that are asked for; an older kernel gives what it has.
const ASKED: ABI = ABI::V6;

pub(super) fn restrict(
    read: &[PathBuf],
    write: &[PathBuf],
    network: &Network,
    report: &mut SandboxReport,
) -> Result<(), SandboxError> {
    let status = build(read, write, network).map_err(|error| {
        SandboxError::System(format!("file access cannot be restricted: {error}"))
    })?;
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        _ => ABI::Unsupported,
    };
    report.files = status.ruleset != RulesetStatus::NotEnforced && abi >= ABI::V1;
    report.ports = report.files && *network != Network::Any && abi >= ABI::V4;
    report.signals = report.files && abi >= ABI::V6;
    if !report.files {
        report.missing.push("no Landlock: files are not walled off".to_owned());
        return Ok(());
    }
    if abi < ABI::V3 {
        report.notes.push("Landlock before Linux 6.2 does not guard truncation".to_owned());
    }
    if *network != Network::Any && !report.ports {
        report.notes.push("Landlock before Linux 6.7 does not guard TCP ports".to_owned());
    }
    if !report.signals {
        report.notes.push(
            "Landlock before Linux 6.12 does not guard signals; system call filters do".to_owned(),
        );
    }
    Ok(())
}

fn build(
    read: &[PathBuf],
    write: &[PathBuf],
    network: &Network,
) -> Result<landlock::RestrictionStatus, RulesetError> {
    let reading: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let writing = AccessFs::from_all(ASKED)
        & !(AccessFs::Execute
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeFifo
            | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .scope(Scope::from_all(ASKED))?;
    if *network != Network::Any {
        rules = rules.handle_access(AccessNet::from_all(ASKED))?;
    }
    let mut rules = rules
        .create()?
        .add_rules(path_beneath_rules(read, reading))?
        .add_rules(path_beneath_rules(write, writing))?;
    if let Network::Ports { bind, connect } = network {
        for port in bind {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
        for port in connect {
            rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    rules.restrict_self()
}

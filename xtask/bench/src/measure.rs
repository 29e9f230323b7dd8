//! The layouts that give numbers worth quoting.
//!
//! A, latency: everything on one core, one connection, closed loop, the order of
//! the targets reversed every other repetition. A′: the same with a signer
//! that polls, alone on the other core. B, cost: what is measured alone on core 1, client
//! and upstream on core 0; processor time from `/proc/PID/task/*/schedstat`.

use std::process::{Command, Stdio};

use crate::Failure;
use crate::load::Seen;

/// One thing that answers orders.
pub(crate) struct Target {
    /// `direct`, `nginx` or `gateway`.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: String,
    /// What stands before the venue's own paths.
    pub(crate) prefix: String,
    /// The key it expects: the real one, or the gateway's virtual one.
    pub(crate) api_key: String,
    /// That key's secret.
    pub(crate) secret: String,
    /// Its processes, without the upstream's.
    pub(crate) processes: Vec<u32>,
}

/// How long, how often.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) repetitions: usize,
    pub(crate) seconds: f64,
    pub(crate) connections: usize,
}

/// Ratios to nginx, medians over the repetitions.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Latency {
    pub(crate) added_p50: f64,
    pub(crate) added_p99: f64,
    pub(crate) direct_p50_us: f64,
    pub(crate) nginx_added_p50_us: f64,
    pub(crate) gateway_added_p50_us: f64,
    pub(crate) nginx_added_p99_us: f64,
    pub(crate) gateway_added_p99_us: f64,
    pub(crate) gateway_p999_us: f64,
}

/// Ratios to nginx, medians over the repetitions.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Cost {
    pub(crate) throughput: f64,
    pub(crate) cpu_per_request: f64,
    pub(crate) nginx_per_second: f64,
    pub(crate) gateway_per_second: f64,
    pub(crate) nginx_cpu_us: f64,
    pub(crate) gateway_cpu_us: f64,
}

/// Pins every thread of a process to a core.
pub(crate) fn pin(process: u32, core: usize) -> Result<(), Failure> {
    let done = Command::new("taskset")
        .args(["-a", "-p", "-c", &core.to_string(), &process.to_string()])
        .output()?;
    if done.status.success() {
        Ok(())
    } else {
        Err(format!("taskset: {}", String::from_utf8_lossy(&done.stderr)).into())
    }
}

fn loading(target: &Target, core: usize, size: Size, run: &str) -> Result<Command, Failure> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &core.to_string()])
        .arg(std::env::current_exe()?)
        .args(["load", "--address", &target.address, "--prefix", &target.prefix])
        .args(["--key", &target.api_key])
        .args(["--secret", &target.secret, "--run", run])
        .args(["--seconds", &size.seconds.to_string()])
        .args(["--connections", &size.connections.to_string()]);
    Ok(command)
}

fn load(target: &Target, core: usize, size: Size, run: &str) -> Result<Seen, Failure> {
    let output = loading(target, core, size, run)?.output()?;
    seen(target, &output)
}

fn seen(target: &Target, output: &std::process::Output) -> Result<Seen, Failure> {
    if !output.status.success() {
        return Err(format!("{}: {}", target.name, String::from_utf8_lossy(&output.stderr)).into());
    }
    let seen: Seen = serde_json::from_slice(&output.stdout)?;
    if seen.refused > 0 || seen.accepted == 0 {
        return Err(format!(
            "{}: {} refused of {}, the first: {}",
            target.name,
            seen.refused,
            seen.refused + seen.accepted,
            seen.first_refusal
        )
        .into());
    }
    Ok(seen)
}

/// How an order's latency is beside another load, ÷ beside as many single
/// orders with an HMAC key; medians over the repetitions.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(crate) struct Beside {
    pub(crate) rsa_p50: f64,
    pub(crate) rsa_p99: f64,
    pub(crate) order_list_p50: f64,
    pub(crate) order_list_p99: f64,
}

/// Pause between two requests of the load beside, ms: about 45 a second.
const PAUSE_MS: &str = "20";

/// One connection places orders; another, beside it, asks for what takes long.
pub(crate) fn beside(gateway: &Target, rsa: &Target, size: Size) -> Result<Beside, Failure> {
    let mut rows = Vec::new();
    for repetition in 0..size.repetitions {
        let mut row = [(0.0, 0.0); 3];
        for (at, place) in row.iter_mut().enumerate() {
            // The repetitions begin with each in turn.
            let kind = (at + repetition) % 3;
            let (other, lists) = (if kind == 1 { rsa } else { gateway }, kind == 2);
            // From before the first measured order until after the last.
            let longer = Size { seconds: size.seconds + 0.3, ..size };
            let run = format!("o{kind}{repetition}");
            let mut command = loading(other, 0, longer, &run)?;
            command.args(["--pause-ms", PAUSE_MS]);
            if lists {
                command.args(["--lists", "yes"]);
            }
            let background = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            std::thread::sleep(std::time::Duration::from_millis(100));
            let measured = load(gateway, 0, size, &format!("f{kind}{repetition}"))?;
            seen(other, &background.wait_with_output()?)?;
            *place = (measured.p50, measured.p99);
        }
        row.rotate_right(repetition % 3);
        let [plain, with_rsa, with_lists] = row;
        eprintln!(
            "  beside {}/{}: p50 {:.1}, with RSA {:.1}, with lists {:.1} µs",
            repetition + 1,
            size.repetitions,
            plain.0,
            with_rsa.0,
            with_lists.0
        );
        rows.push((plain, with_rsa, with_lists));
    }
    type Pair = (f64, f64);
    let of = |value: &dyn Fn(&(Pair, Pair, Pair)) -> f64| median(rows.iter().map(value).collect());
    Ok(Beside {
        rsa_p50: of(&|(plain, rsa, _)| rsa.0 / plain.0),
        rsa_p99: of(&|(plain, rsa, _)| rsa.1 / plain.1),
        order_list_p50: of(&|(plain, _, lists)| lists.0 / plain.0),
        order_list_p99: of(&|(plain, _, lists)| lists.1 / plain.1),
    })
}

/// Layout A (or A′, by how the caller pinned the signer).
pub(crate) fn latency(targets: &[Target; 3], size: Size, label: &str) -> Result<Latency, Failure> {
    let mut rows = Vec::new();
    for repetition in 0..size.repetitions {
        let mut seen: [Option<Seen>; 3] = [None, None, None];
        let mut order = vec![0, 1, 2];
        if repetition % 2 == 1 {
            order.reverse();
        }
        for at in order {
            if let (Some(target), Some(place)) = (targets.get(at), seen.get_mut(at)) {
                *place = Some(load(target, 0, size, &format!("{label}{repetition}"))?);
            }
        }
        let [Some(direct), Some(nginx), Some(gateway)] = seen else {
            return Err("a repetition lost a target".into());
        };
        eprintln!(
            "  {label} {}/{}: p50 direct {:.1}, nginx {:.1}, gateway {:.1} µs",
            repetition + 1,
            size.repetitions,
            direct.p50,
            nginx.p50,
            gateway.p50
        );
        rows.push((direct, nginx, gateway));
    }
    let of = |value: &dyn Fn(&(Seen, Seen, Seen)) -> f64| median(rows.iter().map(value).collect());
    Ok(Latency {
        added_p50: of(&|(d, n, g)| (g.p50 - d.p50) / (n.p50 - d.p50)),
        added_p99: of(&|(d, n, g)| (g.p99 - d.p99) / (n.p99 - d.p99)),
        direct_p50_us: of(&|(d, _, _)| d.p50),
        nginx_added_p50_us: of(&|(d, n, _)| n.p50 - d.p50),
        gateway_added_p50_us: of(&|(d, _, g)| g.p50 - d.p50),
        nginx_added_p99_us: of(&|(d, n, _)| n.p99 - d.p99),
        gateway_added_p99_us: of(&|(d, _, g)| g.p99 - d.p99),
        gateway_p999_us: of(&|(_, _, g)| g.p999),
    })
}

/// Layout B.
pub(crate) fn cost(
    nginx: &Target,
    gateway: &Target,
    size: Size,
    label: &str,
) -> Result<Cost, Failure> {
    let mut rows = Vec::new();
    for repetition in 0..size.repetitions {
        let mut pair = [nginx, gateway];
        if repetition % 2 == 1 {
            pair.reverse();
        }
        let mut row = [(0.0, 0.0); 2];
        for target in pair {
            let before = cpu_ns(&target.processes);
            let seen = load(target, 0, size, &format!("{label}{repetition}"))?;
            let spent = cpu_ns(&target.processes).saturating_sub(before);
            #[expect(clippy::cast_precision_loss, reason = "a measurement, far below 2^52")]
            let per =
                (seen.accepted as f64 / seen.seconds, spent as f64 / 1000.0 / seen.accepted as f64);
            let at = usize::from(target.name == gateway.name);
            if let Some(place) = row.get_mut(at) {
                *place = per;
            }
        }
        let [n, g] = row;
        eprintln!(
            "  {label} {}/{}: nginx {:.0}/s {:.1} µs, gateway {:.0}/s {:.1} µs of processor each",
            repetition + 1,
            size.repetitions,
            n.0,
            n.1,
            g.0,
            g.1
        );
        rows.push((n, g));
    }
    type Row = ((f64, f64), (f64, f64));
    let of = |value: &dyn Fn(&Row) -> f64| median(rows.iter().map(value).collect());
    Ok(Cost {
        throughput: of(&|(n, g)| g.0 / n.0),
        cpu_per_request: of(&|(n, g)| g.1 / n.1),
        nginx_per_second: of(&|(n, _)| n.0),
        gateway_per_second: of(&|(_, g)| g.0),
        nginx_cpu_us: of(&|(n, _)| n.1),
        gateway_cpu_us: of(&|(_, g)| g.1),
    })
}

/// Processor time of these processes so far, ns.
fn cpu_ns(processes: &[u32]) -> u64 {
    processes
        .iter()
        .filter_map(|process| std::fs::read_dir(format!("/proc/{process}/task")).ok())
        .flatten()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
